import { drawing, element } from "./dom.js";
import { causes, nats } from "./format.js";

const height = 124, top = 24, bottom = 22, left = 30, right = 6;

/** Pixels that become one point of the curve where tokens are denser than that. */
const binWidth = 2.5;

/** The entropy of a run over its tokens, as a curve. Charts that share a scale share their axes. */
export class Chart {
    #run = null;
    #scale = null;
    #width = 0;
    #mark = null;

    /** `select` is called with the index that the pointer is at and its place in the window, or with null; `pick` with an index. */
    constructor(select, pick) {
        this.svg = drawing("svg", { role: "img", height });
        this.element = element("figure", { class: "chart" }, this.svg);
        this.svg.addEventListener("pointermove", event => this.#point(event, select));
        this.svg.addEventListener("pointerleave", () => select(null));
        this.svg.addEventListener("click", event => this.#run?.tokens.length && pick(this.#indexAt(event)));
        new ResizeObserver(() => this.#run && this.draw(this.#run, this.#scale)).observe(this.element);
    }

    draw(run, scale) {
        this.#run = run;
        this.#scale = scale;
        this.#width = this.element.clientWidth;
        if (this.#width === 0)
            return;
        this.svg.setAttribute("viewBox", `0 0 ${this.#width} ${height}`);
        this.svg.setAttribute("aria-label", description(run));
        const end = run.thinkingEnd?.index ?? run.tokens.length, bins = this.#bins(run.tokens);
        const thought = bins.filter(bin => bin.index < end), answer = bins.filter(bin => bin.index >= end - 1);
        this.svg.replaceChildren(...this.#grid(), this.#area(thought), this.#line(thought, "thought-line"), this.#line(answer, "answer-line"),
            this.#mixtures(bins), ...this.#end(run), this.#cursor());
        this.mark(this.#mark);
    }

    /** Marks a token; null removes the mark. */
    mark(index) {
        this.#mark = index;
        const cursor = this.svg.querySelector(".cursor"), token = this.#run?.tokens[index];
        cursor?.classList.toggle("at", token !== undefined);
        if (cursor === null || token === undefined)
            return;
        const [line, dot] = cursor.children;
        for (const name of ["x1", "x2"])
            line.setAttribute(name, this.#x(index));
        dot.setAttribute("cx", this.#x(index));
        dot.setAttribute("cy", this.#y(token.entropy));
    }

    #x(index) {
        return left + (index + 0.5) / this.#scale.tokens * (this.#width - left - right);
    }

    #y(entropy) {
        return height - bottom - entropy / this.#scale.entropy * (height - top - bottom);
    }

    // Means and peaks of neighbors that would be drawn on top of each other; a single token where there is room.
    #bins(tokens) {
        const bins = [];
        tokens.forEach(({ entropy, probs }, index) => {
            const x = this.#x(index), others = 1 - probs[0], last = bins.at(-1);
            if (last === undefined || x - last.x >= binWidth) {
                bins.push({ index, x, size: 1, mean: entropy, peak: entropy, others });
                return;
            }
            last.size++;
            last.mean += (entropy - last.mean) / last.size;
            last.others += (others - last.others) / last.size;
            last.peak = Math.max(last.peak, entropy);
        });
        return bins;
    }

    #path(bins, height) {
        return bins.map((bin, i) => `${i === 0 ? "M" : "L"}${bin.x.toFixed(1)} ${this.#y(height(bin)).toFixed(1)}`).join("");
    }

    // A line through the peaks of many tokens would be a band: that is left to the area.
    #line(bins, name) {
        const dense = bins.length > 0 && bins.reduce((sum, bin) => sum + bin.size, 0) > 3 * bins.length;
        return drawing("path", { class: name, d: this.#path(bins, bin => dense ? bin.mean : bin.peak) });
    }

    #area(bins) {
        const d = bins.length > 1 ? `${this.#path(bins, bin => bin.peak)}V${this.#y(0)}H${bins[0].x.toFixed(1)}Z` : "";
        return drawing("path", { class: "thought-area", d });
    }

    #grid() {
        const step = this.#scale.entropy > 4 ? 2 : this.#scale.entropy > 1.6 ? 1 : 0.5, lines = [];
        for (let value = 0; value <= this.#scale.entropy; value += step)
            lines.push(drawing("line", { class: "grid", x1: left, x2: this.#width - right, y1: this.#y(value), y2: this.#y(value) }),
                drawing("text", { class: "value", x: left - 6, y: this.#y(value) + 4 }, value.toString()));
        lines.push(drawing("text", { class: "value unit", x: left - 6, y: height - 5 }, "nats"));
        return lines;
    }

    // Ticks below the axis, as long as the alternatives have weight.
    #mixtures(bins) {
        const ticks = bins.map(({ x, others }) => others > 0.01 ? `M${x.toFixed(1)} ${height - bottom + 3}v${(1 + 9 * others).toFixed(1)}` : "");
        return drawing("path", { class: "mixtures", d: ticks.join("") });
    }

    #end(run) {
        if (run.thinkingEnd === null)
            return [];
        const x = this.#x(run.thinkingEnd.index - 0.5), before = x > this.#width / 2;
        const label = causes[run.thinkingEnd.cause] ?? "end of thinking";
        return [
            drawing("line", { class: "end", x1: x, x2: x, y1: 1, y2: height - bottom }),
            drawing("text", { class: before ? "label before" : "label", x: before ? x - 6 : x + 6, y: 10 }, label),
            drawing("text", { class: "label answer-label", x: x + 6, y: height - 5 }, this.#width - x > 56 ? "answer" : ""),
        ];
    }

    #cursor() {
        return drawing("g", { class: "cursor" },
            drawing("line", { y1: top - 6, y2: height - bottom }), drawing("circle", { r: 3.5 }));
    }

    #indexAt(event) {
        const x = event.clientX - this.svg.getBoundingClientRect().left;
        const index = Math.floor((x - left) / (this.#width - left - right) * this.#scale.tokens);
        return Math.min(Math.max(index, 0), this.#run.tokens.length - 1);
    }

    #point(event, select) {
        if (!this.#run?.tokens.length)
            return;
        const index = this.#indexAt(event), box = this.svg.getBoundingClientRect();
        const x = box.left + this.#x(index);
        select(index, new DOMRect(x, box.top, 0, height), true);
    }
}

function description(run) {
    if (run.tokens.length === 0)
        return "Entropy of the tokens: none yet";
    const highest = run.tokens.reduce((best, token, index) => token.entropy > run.tokens[best].entropy ? index : best, 0);
    const end = run.thinkingEnd ? `; thinking is ${causes[run.thinkingEnd.cause] ?? "over"} after token ${run.thinkingEnd.index}` : "";
    return `Entropy of ${run.tokens.length} tokens: highest at token ${highest + 1} with ${nats(run.tokens[highest].entropy)} nats${end}`;
}

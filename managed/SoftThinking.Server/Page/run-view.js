import { Chart } from "./chart.js";
import { element } from "./dom.js";
import { seconds } from "./format.js";
import { hideMixture, showMixture } from "./mixture.js";
import { statistics } from "./statistics.js";
import { tokenTable } from "./table.js";
import { indexOf, TokenFlow } from "./tokens.js";
import { endThinking } from "./wire.js";

const states = { waiting: "Waiting", thinking: "Thinking", answering: "Answering", stopped: "Stopped", failed: "Failed" };

/** Shows a run: thought, curve, answer, figures. */
export class RunView {
    #rendered = 0;
    #lit = null;
    #follows = true;

    constructor(run, title) {
        this.run = run;
        const select = (index, node) => this.#select(index, () => boxOf(node));
        this.thought = new TokenFlow("Thought. The arrow keys move from token to token, up and down from mixture to mixture.", select);
        this.answer = new TokenFlow("Answer, token by token", select);
        this.chart = new Chart((index, at) => this.#select(index, () => at, true), index => this.#flowOf(index).focus(index));
        this.state = element("span", { class: "state" });
        this.hurry = element("button", { type: "button", class: "quiet", hidden: true }, "Answer now");
        this.figures = element("dl", { class: "figures" });
        this.notice = element("div", { class: "notice", hidden: true });
        this.whole = element("button", { type: "button", class: "quiet", hidden: true }, "Show the whole thought");
        this.table = tokenTable(() => this.run);
        this.frame = element("div", { class: "thought" }, this.thought.element);
        this.answerFrame = element("div", { class: "answer", hidden: true }, element("h4", {}, "Answer"), this.answer.element);
        this.element = element("section", { class: "run", "aria-label": title },
            element("div", { class: "run-head" }, element("h3", {}, title), this.state, this.hurry),
            this.frame, this.whole, this.chart.element, this.answerFrame, this.notice, this.figures, this.table);
        this.frame.addEventListener("scroll", () => this.#follows = this.#atEnd(), { passive: true });
        this.hurry.addEventListener("click", () => this.#answerNow());
        this.whole.addEventListener("click", () => this.#toggleWhole());
    }

    /** Shows what has arrived since the last call. */
    update(scale) {
        const { run } = this, fresh = run.tokens.slice(this.#rendered);
        const end = fresh.findIndex(token => !token.thinking), thoughts = end < 0 ? fresh : fresh.slice(0, end);
        this.thought.append(thoughts, this.#rendered);
        this.answer.append(fresh.slice(thoughts.length), this.#rendered + thoughts.length);
        this.#rendered += fresh.length;
        if (run.tokens.length === 0) {
            this.thought.setText(run.reasoning);
            this.answer.setText(run.content);
        }
        this.frame.hidden = run.reasoning === "" && run.thinkingTokens === 0;
        this.answerFrame.hidden = run.content === "";
        this.chart.element.hidden = this.table.hidden = run.tokens.length === 0;
        this.chart.draw(run, scale);
        this.#showProgress();
        if (this.#follows && run.running)
            this.frame.scrollTop = this.frame.scrollHeight;
        this.whole.hidden = !this.frame.classList.contains("whole") && this.frame.scrollHeight <= this.frame.clientHeight + 1;
    }

    /** Shows a message below the answer, with buttons. */
    tell(message, ...buttons) {
        this.notice.replaceChildren(element("p", {}, message), ...buttons);
        this.notice.hidden = false;
    }

    #showProgress() {
        const { run } = this, { first, tokens } = run.times;
        this.state.textContent = run.state === "done" ? "" : `${states[run.state]}${run.running ? ` ${seconds(first + tokens)}` : ""}`;
        this.element.classList.toggle("running", run.running);
        this.hurry.hidden = run.state !== "thinking" || run.hurried || run.reply.id === undefined;
        this.figures.replaceChildren(...(run.tokens.length > 0 ? statistics(run) : []));
    }

    async #answerNow() {
        this.run.hurried = true;
        this.hurry.hidden = true;
        try {
            await endThinking(this.run.reply.id);
        } catch (error) {
            this.run.hurried = false;
            this.tell(error.message);
        }
    }

    #flowOf(index) {
        return this.run.tokens[index]?.thinking ? this.thought : this.answer;
    }

    // Lights a token up in the text and on the curve, and shows its mixture next to where `at` says.
    #select(index, at, below = false) {
        this.#lit?.classList.remove("lit");
        const token = index === null ? undefined : this.run.tokens[index];
        this.#lit = token ? this.#flowOf(index).at(index) : null;
        this.#lit?.classList.add("lit");
        this.chart.mark(token ? index : null);
        if (token)
            showMixture(token, index, this.run.tokens.length, at, below);
        else
            this.#restoreFocused();
    }

    // The pointer has left: what has the focus is shown again.
    #restoreFocused() {
        const focused = document.activeElement;
        if (focused?.classList.contains("token") && this.element.contains(focused))
            this.#select(indexOf(focused), () => boxOf(focused));
        else
            hideMixture();
    }

    #atEnd() {
        return this.frame.scrollTop + this.frame.clientHeight >= this.frame.scrollHeight - 24;
    }

    #toggleWhole() {
        const whole = this.frame.classList.toggle("whole");
        this.whole.textContent = whole ? "Show less of the thought" : "Show the whole thought";
    }
}

/** Where a token is: its first line if it breaks, with the alternatives below its word. */
const boxOf = node => (node.querySelector(".box") ?? node).getClientRects()[0];

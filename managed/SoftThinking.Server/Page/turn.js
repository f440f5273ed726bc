import { announce, element, perFrame } from "./dom.js";
import { seconds } from "./format.js";
import { Run } from "./run.js";
import { RunView } from "./run-view.js";
import { spoken } from "./statistics.js";
import { download } from "./trace.js";
import { chat } from "./wire.js";

/** How often a request is repeated by itself when the server is busy, and the longest wait for that in seconds. */
const repetitions = 3, longestWait = 60;

/** A question and its replies: one, or two to compare. */
export class Turn {
    #abort = new AbortController();
    #hooks;
    #refresh = perFrame(() => this.#update());

    /** `hooks` has `failed(error)`, called with errors of the server, and `retry(turn)`, called by the reader. */
    constructor(question, compare, hooks) {
        this.question = question;
        this.#hooks = hooks;
        this.sides = compare ? [{}, {}] : [{}];
        this.grid = element("div", { class: compare ? "runs pair" : "runs" });
        this.save = element("button", { type: "button", class: "quiet", hidden: true, title: "Save requests, tokens and times as JSON" }, "Export");
        this.save.addEventListener("click", () => download(this));
        this.element = element("article", { class: "turn" },
            element("div", { class: "asked" }, element("h2", { dir: "auto" }, question), this.save), this.grid);
    }

    get running() {
        return this.sides.some(side => side.run.running);
    }

    /** Sets the request of each side that is to be sent: all at first, later the failed ones. */
    prepare(requests) {
        this.#abort = new AbortController();
        this.sides.forEach((side, i) => {
            if (!side.run || side.run.state === "failed")
                this.#reset(side, requests[i]);
        });
        this.#refresh();
    }

    /** Asks, and resolves when all replies have ended, whatever way. */
    async start() {
        const asked = this.sides.filter(side => side.run.state === "waiting");
        await Promise.all(asked.map(side => this.#answer(side)));
        announce(asked.map(({ run }) => spoken(run)).join(" "));
    }

    stop() {
        this.#abort.abort();
    }

    #reset(side, request) {
        const view = new RunView(new Run(request), request.no_soft_thinking ? "Chain of thought" : "Soft thinking");
        if (side.view)
            side.view.element.replaceWith(view.element);
        else
            this.grid.append(view.element);
        Object.assign(side, { request, run: view.run, view });
    }

    async #answer(side) {
        const ticking = setInterval(this.#refresh, 100);
        try {
            await this.#ask(side);
            side.run.end("done");
        } catch (error) {
            this.#ended(side, error);
        } finally {
            clearInterval(ticking);
            this.#update();
        }
    }

    async #ask(side) {
        for (let left = repetitions; ; left--)
            try {
                return await chat(side.request, this.#abort.signal, chunk => {
                    side.run.take(chunk);
                    this.#refresh();
                });
            } catch (error) {
                if (left === 0 || error.status !== 429 || error.retryAfter === null || error.retryAfter > longestWait)
                    throw error;
                await this.#wait(side, error);
            }
    }

    // Until the server said to come back, or until the reader stops it.
    async #wait(side, { message, retryAfter }) {
        side.view.tell(`The server is busy (${message}). Asking again in ${seconds(retryAfter * 1000)}.`);
        await new Promise((resolve, reject) => {
            const timer = setTimeout(resolve, retryAfter * 1000);
            this.#abort.signal.addEventListener("abort", () => {
                clearTimeout(timer);
                reject(this.#abort.signal.reason);
            }, { once: true });
        });
        side.view.notice.hidden = true;
    }

    #ended(side, error) {
        if (error.name === "AbortError") {
            side.run.end("stopped");
            side.view.notice.hidden = true;
            return;
        }
        side.run.end("failed", error.message);
        const again = element("button", { type: "button" }, "Try again");
        again.addEventListener("click", () => this.#hooks.retry(this));
        side.view.tell(error.message, again);
        this.#hooks.failed(error);
    }

    #update() {
        const runs = this.sides.map(side => side.run);
        const scale = {
            tokens: Math.max(60, ...runs.map(run => run.tokens.length)),
            entropy: Math.max(1.1, ...runs.map(run => run.highestEntropy)),
        };
        for (const { view } of this.sides)
            view.update(scale);
        this.save.hidden = this.running || runs.every(run => run.tokens.length === 0);
    }
}

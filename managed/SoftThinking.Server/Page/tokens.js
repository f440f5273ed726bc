import { element } from "./dom.js";
import { harmless, visible } from "./format.js";

/** Alternatives that are shown under a word, and the weight they need. */
const shownAlternatives = 2, shownWeight = 0.05;

/** Scripts whose lines break between any two characters. */
const breaksAnywhere = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\s]/u;

/** How strong the shade of an entropy in nats is, 0 to 1: nearly linear at first, then ever softer. */
export const shade = entropy => 1 - Math.exp(-Math.max(entropy, 0) / 0.9);

/** The element of a token: its text with a shade for the entropy, and a mixture's strongest alternatives below. */
export function tokenElement(token, index, text) {
    const node = element("span", { class: "token", "data-index": index });
    if (token.entropy > 0.005)
        node.style.setProperty("--shade", shade(token.entropy).toFixed(3));
    if (token.marker)
        node.classList.add("marker");
    const word = text.trim();
    if (token.ids.length > 1 && word !== "")
        fillMixture(node, token, text, word);
    else
        node.textContent = text;
    return node;
}

function fillMixture(node, token, text, word) {
    node.classList.add("mixed");
    const start = text.indexOf(word), before = text.slice(0, start), after = text.slice(start + word.length);
    // A box may stand on a line of its own; within a word it must not.
    node.classList.toggle("joins-before", before === "" && !breaksAnywhere.test(word[0]));
    node.classList.toggle("joins-after", after === "" && !breaksAnywhere.test(word.at(-1)));
    const box = element("span", { class: "box" }, element("span", { class: "top" }, word));
    box.style.setProperty("--others", (1 - token.probs[0]).toFixed(3));
    for (let i = 1; i <= shownAlternatives && token.probs[i] >= shownWeight; i++)
        box.append(element("span", { class: "other", "aria-hidden": "true" }, visible(token.texts?.[i] ?? "")));
    node.append(before, box, after);
}

/** A text made of tokens that one walks through with the arrow keys; only one of them is a tab stop. */
export class TokenFlow {
    #shown = [];
    #line = null;
    #stop = null;
    #blank = true;

    /** `select` is called with the index of a token and its element, or with null when none is pointed at. */
    constructor(label, select) {
        this.element = element("div", { class: "tokens", role: "group", "aria-label": label, dir: "auto" });
        this.select = select;
        this.element.addEventListener("pointerover", event => event.pointerType === "mouse" && this.#point(event));
        this.element.addEventListener("pointerleave", () => this.select(null));
        this.element.addEventListener("click", event => this.#click(event));
        this.element.addEventListener("focusin", event => {
            event.target.setAttribute("aria-describedby", "mixture");
            this.#point(event);
        });
        this.element.addEventListener("focusout", event => {
            event.target.removeAttribute("aria-describedby");
            this.select(null);
        });
        this.element.addEventListener("keydown", event => this.#key(event));
    }

    /** Appends tokens, the first of which has the index `start`. */
    append(tokens, start) {
        tokens.forEach((token, i) => {
            let text = harmless(token.text || (token.marker ? token.texts?.[0] ?? "" : ""));
            if (this.#blank)
                text = text.trimStart();
            this.#blank &&= text === "";
            if (text === "")
                return;
            const node = tokenElement(token, start + i, text);
            this.#shown.push(node);
            this.#place(node, text);
        });
        if (this.#stop === null && this.#shown.length > 0)
            this.#makeStop(this.#shown.find(node => node.classList.contains("mixed")) ?? this.#shown[0]);
    }

    /** Shows a text that came without tokens. */
    setText(text) {
        this.element.textContent = harmless(text);
    }

    /** The element of the token with an index, or of the nearest one before it that is shown; null if there is none. */
    at(index) {
        let low = 0, high = this.#shown.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (indexOf(this.#shown[middle]) <= index)
                low = middle + 1;
            else
                high = middle;
        }
        return this.#shown[low - 1] ?? null;
    }

    focus(index) {
        const node = this.at(index);
        if (node === null)
            return;
        this.#makeStop(node);
        node.focus();
    }

    // A block per line of the text, so that the browser need not lay out a long thought anew for each token.
    #place(node, text) {
        if (this.#line === null) {
            this.#line = element("div", { class: "line" });
            this.element.append(this.#line);
        }
        this.#line.append(node);
        if (text.endsWith("\n"))
            this.#line = null;
    }

    #makeStop(node) {
        this.#stop?.removeAttribute("tabindex");
        this.#stop?.removeAttribute("role");
        node.setAttribute("tabindex", "0");
        node.setAttribute("role", "button");
        this.#stop = node;
    }

    #point(event) {
        const node = event.target.closest(".token");
        this.select(node && indexOf(node), node);
    }

    #click(event) {
        const node = event.target.closest(".token");
        if (node === null || getSelection().toString() !== "")
            return;
        this.focus(indexOf(node));
        this.#point(event);
    }

    #key(event) {
        const here = this.#shown.indexOf(event.target);
        const target = here < 0 || event.altKey || event.ctrlKey || event.metaKey ? undefined : this.#target(event.key, here);
        if (target === undefined)
            return;
        event.preventDefault();
        this.focus(indexOf(target));
    }

    #target(key, here) {
        const mixed = node => node.classList.contains("mixed");
        switch (key) {
            case "ArrowLeft": return this.#shown[here - 1];
            case "ArrowRight": return this.#shown[here + 1];
            case "ArrowUp": return this.#shown.slice(0, here).findLast(mixed);
            case "ArrowDown": return this.#shown.slice(here + 1).find(mixed);
            case "Home": return this.#shown[0];
            case "End": return this.#shown.at(-1);
            default: return undefined;
        }
    }
}

export const indexOf = node => Number(node.dataset.index);

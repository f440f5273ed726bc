import { element } from "./dom.js";
import { nats, percent, visible } from "./format.js";

/** The tokens of a run as a table, built when it is opened. */
export function tokenTable(run) {
    const details = element("details", { class: "table" }, element("summary", {}, "Tokens as a table"));
    details.addEventListener("toggle", () => {
        details.querySelector("div")?.remove();
        if (details.open)
            details.append(element("div", { class: "table-frame", tabindex: "0", role: "group", "aria-label": "Table of tokens" }, table(run())));
    });
    return details;
}

function table(run) {
    const head = ["Token", "Part", "Entropy, nats", "Entries"].map(name => element("th", { scope: "col" }, name));
    const rows = run.tokens.map((token, i) => element("tr", {},
        element("td", {}, `${i + 1}`), element("td", {}, token.thinking ? "thought" : "answer"), element("td", {}, nats(token.entropy)),
        element("td", {}, element("bdi", {}, token.ids.map((_, k) => `${visible(token.texts?.[k] ?? token.text)} ${percent(token.probs[k])}`).join(", ")))));
    return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}

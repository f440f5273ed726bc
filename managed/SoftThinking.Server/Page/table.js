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
    return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...run.tokens.map(row)));
}

function row(token, index) {
    const entries = token.ids.map((_, i) => `${visible(token.texts?.[i] ?? token.text)} ${percent(token.probs[i])}`).join(", ");
    const cells = [`${index + 1}`, token.thinking ? "thought" : "answer", nats(token.entropy), element("bdi", {}, entries)];
    return element("tr", {}, ...cells.map(cell => element("td", {}, cell)));
}

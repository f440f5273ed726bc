import { byId, element } from "./dom.js";
import { nats, percent, visible } from "./format.js";

const shownEntries = 10;

let anchor = null;

/** Shows what a token is made of: above the rectangle of the window that `at` returns, or below it. */
export function showMixture(token, index, total, at, below) {
    anchor = { at, below };
    const card = byId("mixture");
    card.replaceChildren(heading(token, index, total), entries(token));
    const rest = token.ids.length - shownEntries;
    if (rest > 0)
        card.append(element("p", {}, `and ${rest} more`));
    card.hidden = false;
    place(card);
}

export function hideMixture() {
    byId("mixture").hidden = true;
}

export const mixtureShown = () => !byId("mixture").hidden;

// What is shown stays next to its token, whatever is scrolled.
addEventListener("scroll", () => mixtureShown() && place(byId("mixture")), { passive: true, capture: true });

function heading(token, index, total) {
    const kind = token.marker ? "marker" : token.ids.length > 1 ? "mixture" : token.soft ? "certain" : "one sampled token";
    return element("p", { class: "mixture-head" },
        element("span", {}, `${nats(token.entropy)} nats`), ` ${kind} `, element("span", {}, `${index + 1} of ${total}`));
}

function entries(token) {
    const list = element("ol", {});
    token.ids.slice(0, shownEntries).forEach((_, i) => {
        const bar = element("i", { "aria-hidden": "true" });
        bar.style.setProperty("--part", token.probs[i]);
        list.append(element("li", {}, element("bdi", {}, visible(token.texts?.[i] ?? token.text)), bar, element("b", {}, percent(token.probs[i]))));
    });
    return list;
}

// On the other side where there is no room, and never beyond the window.
function place(card) {
    const at = anchor.at(), { width, height } = card.getBoundingClientRect(), margin = 8, gap = 7;
    const left = Math.max(margin, Math.min(at.left + at.width / 2 - width / 2, document.documentElement.clientWidth - width - margin));
    const above = at.top - gap - height, below = at.bottom + gap;
    const fitsAbove = above >= margin, fitsBelow = below + height <= innerHeight - margin;
    card.style.setProperty("left", `${left}px`);
    card.style.setProperty("top", `${(anchor.below ? fitsBelow || !fitsAbove : !fitsAbove) ? below : above}px`);
}

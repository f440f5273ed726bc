/** A new element. Children that are strings become text, never markup. */
export function element(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
}

/** A new element of SVG. */
export function drawing(tag, attributes = {}, ...children) {
    return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes))
        if (value !== false && value != null)
            node.setAttribute(name, value === true ? "" : value);
    node.append(...children);
    return node;
}

export const byId = id => document.getElementById(id);

/** Has a screen reader say a text when it is done with the current one. */
export function announce(text) {
    byId("announcer").textContent = text;
}

/** Calls an action at most once per frame. */
export function perFrame(action) {
    let pending = 0;
    return () => {
        pending ||= requestAnimationFrame(() => {
            pending = 0;
            action();
        });
    };
}

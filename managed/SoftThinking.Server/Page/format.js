const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export const count = number => whole.format(number);

export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

export const nats = entropy => entropy.toFixed(2);

export function percent(fraction) {
    const hundredths = fraction * 100;
    return hundredths > 0 && hundredths < 0.95 ? `${Math.max(hundredths, 0.1).toFixed(1)} %` : `${Math.round(hundredths)} %`;
}

export function seconds(milliseconds) {
    if (milliseconds < 10)
        return "< 0.01 s";
    return milliseconds < 9995 ? `${(milliseconds / 1000).toFixed(2)} s` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Tokens per second. Tokens that arrive almost together say nothing about that, but the time since the question bounds it. */
export function speed(tokens, times) {
    if (tokens < 2)
        return "–";
    const measured = times.tokens >= 100, perSecond = tokens * 1000 / (times.tokens + (measured ? 0 : times.first));
    return `${measured ? "" : "≥ "}${perSecond < 100 ? perSecond.toFixed(1) : count(perSecond)}`;
}

/** A text without what could hide or reorder the text around it: control characters, and overrides of the direction. */
export const harmless = text => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

/** A token's text with its blanks made visible; a space before a word goes without saying. */
export function visible(text) {
    const word = /^ \S/.test(text) ? text.slice(1) : text;
    const shown = harmless(word).replace(/\r?\n/g, "↵").replace(/\t/g, "⇥").replace(/^ +| +$/g, blanks => "␣".repeat(blanks.length));
    return shown === "" ? "∅" : shown;
}

export const causes = {
    model: "ended by the model",
    cold_stop: "ended by the cold stop",
    budget: "ended by the budget",
    reader: "ended by you",
};

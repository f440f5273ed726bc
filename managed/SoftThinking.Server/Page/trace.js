import { element } from "./dom.js";

/** Saves a turn as a file of JSON: requests, texts, concept tokens, usage and times in milliseconds. */
export function download(turn) {
    const saved = new Date().toISOString();
    const trace = { format: "softthinking-trace", version: 1, saved, runs: turn.sides.map(side => entry(side.run)) };
    const url = URL.createObjectURL(new Blob([JSON.stringify(trace, null, 1)], { type: "application/json" }));
    element("a", { href: url, download: `softthinking-${saved.replace(/[:.]/g, "-")}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url));
}

function entry(run) {
    return {
        request: run.request, ...run.reply, state: run.state, error: run.error, finish_reason: run.finishReason,
        reasoning_content: run.reasoning, content: run.content, usage: run.usage,
        times_ms: { first_token: run.times.first, thinking: run.times.thinking, answer: run.times.answer },
        concept_tokens: run.tokens,
    };
}

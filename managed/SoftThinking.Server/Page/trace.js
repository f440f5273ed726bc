import { element } from "./dom.js";

/** Saves a turn as a file of JSON: requests, texts, concept tokens, usage and times in milliseconds. */
export function download(turn) {
    const trace = JSON.stringify({ format: "softthinking-trace", version: 1, saved: new Date().toISOString(), runs: turn.sides.map(side => entry(side.run)) }, null, 1);
    const url = URL.createObjectURL(new Blob([trace], { type: "application/json" }));
    element("a", { href: url, download: `softthinking-${new Date().toISOString().replace(/[:.]/g, "-")}.json` }).click();
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

import { element } from "./dom.js";
import { count, counted, percent, seconds, speed } from "./format.js";

/** Counts and times of a run. */
export function statistics(run) {
    const { times, usage } = run, answered = run.tokens.length - run.thinkingTokens, cells = [];
    const cell = (name, value, unit, detail, look) => cells.push(element("div", { class: look },
        element("dt", {}, name), element("dd", {}, element("b", {}, value), unit && ` ${unit}`, detail && element("small", {}, detail))));
    cell("Thinking", count(run.thinkingTokens), "tokens", seconds(times.thinking));
    cell("Answer", count(answered), "tokens", answered > 0 ? seconds(times.answer) : "");
    cell("Speed", speed(run.tokens.length, times), "tokens/s", `first after ${seconds(times.first)}`);
    cell("Mixtures", count(run.mixtures), "", run.thinkingTokens > 0 ? `${percent(run.mixtures / run.thinkingTokens)} of thoughts` : "");
    cell("Mean entropy", run.meanEntropy?.toFixed(3) ?? "–", "nats", "of thoughts");
    if (usage)
        cell("Prompt", count(usage.prompt_tokens), "tokens", `${count(usage.prompt_tokens_details?.cached_tokens ?? 0)} cached`);
    if (run.reply.seed !== undefined)
        cell("Seed", `${run.reply.seed}`, "", "", "plain");
    return cells;
}

/** What a screen reader says when a run has ended. */
export function spoken(run) {
    if (run.state !== "done")
        return run.error ?? "Stopped.";
    const answered = run.tokens.length - run.thinkingTokens;
    const figures = [counted(run.thinkingTokens, "thought"), counted(run.mixtures, "mixture"), counted(answered, "answer token")];
    return `${run.content.trim()} ${figures.join(", ")}.`;
}

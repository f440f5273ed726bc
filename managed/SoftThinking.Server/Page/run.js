/** A reply to one request, as far as it has arrived: texts, concept tokens, times and usage. */
export class Run {
    tokens = [];
    reasoning = "";
    content = "";
    reply = {};
    usage = null;
    finishReason = null;
    /** "waiting", "thinking", "answering", then "done", "stopped" or "failed". */
    state = "waiting";
    error = null;
    /** Whether the reader has asked for the answer at once; the server reports a budget as the cause then. */
    hurried = false;
    thinkingTokens = 0;
    mixtures = 0;
    highestEntropy = 0;
    /** The index of the first token after the thought, and what ended it; null until then. */
    thinkingEnd = null;
    #entropy = 0;
    #sent = performance.now();
    #first = null;
    #answer = null;
    #last = null;

    constructor(request) {
        this.request = request;
    }

    get soft() {
        return !this.request.no_soft_thinking;
    }

    get running() {
        return ["waiting", "thinking", "answering"].includes(this.state);
    }

    /** Mean entropy of the thoughts in nats; null where there are none. */
    get meanEntropy() {
        return this.thinkingTokens > 0 ? this.#entropy / this.thinkingTokens : null;
    }

    /** Milliseconds: until the first token, of thinking, of the answer, and of both. */
    get times() {
        const now = this.#last ?? performance.now();
        const first = this.#first ?? now, answer = this.#answer ?? (this.thinkingTokens > 0 ? now : first);
        return { first: first - this.#sent, thinking: answer - first, answer: now - answer, tokens: now - first };
    }

    take(chunk) {
        const { id, model, created, seed, usage } = chunk, choice = chunk.choices?.[0], delta = choice?.delta ?? {};
        const { reply } = this;
        this.reply = { id: id ?? reply.id, model: model ?? reply.model, created: created ?? reply.created, seed: seed ?? reply.seed };
        this.usage = usage ?? this.usage;
        this.finishReason = choice?.finish_reason ?? this.finishReason;
        this.reasoning += delta.reasoning_content ?? "";
        this.content += delta.content ?? "";
        const now = performance.now();
        for (const token of delta.concept_tokens ?? [])
            this.#add(token, now);
        if (delta.reasoning_content || delta.content)
            this.#saw(!delta.content, now);
    }

    end(state, error = null) {
        this.state = state;
        this.error = error;
        this.#last = performance.now();
    }

    #add(token, now) {
        this.tokens.push(token);
        this.highestEntropy = Math.max(this.highestEntropy, token.entropy);
        if (token.thinking) {
            this.thinkingTokens++;
            this.mixtures += token.ids.length > 1 ? 1 : 0;
            this.#entropy += token.entropy;
        }
        if (token.thinking_end)
            this.thinkingEnd = { index: this.tokens.length, cause: this.hurried && token.thinking_end === "budget" ? "reader" : token.thinking_end };
        else if (!token.thinking && this.thinkingTokens > 0)
            this.thinkingEnd ??= { index: this.tokens.length - 1, cause: null };
        this.#saw(token.thinking, now);
    }

    #saw(thinking, now) {
        this.#first ??= now;
        if (thinking) {
            this.state = "thinking";
            return;
        }
        this.#answer ??= now;
        this.state = "answering";
    }
}

import { Turn } from "./turn.js";

/** The turns so far, and the requests that continue them. */
export class Conversation {
    turns = [];

    constructor(hooks) {
        this.hooks = hooks;
    }

    get running() {
        return this.turns.some(turn => turn.running);
    }

    /** A further turn. To compare, the same question and seed go out twice, with and without soft thinking. */
    add(question, parameters, compare) {
        const turn = new Turn(question, compare, this.hooks);
        this.turns.push(turn);
        this.#prepare(turn, parameters);
        return turn;
    }

    /** Asks the failed sides of a turn again, with the parameters as they are now. */
    retry(turn, parameters) {
        this.#prepare(turn, parameters);
        return turn.start();
    }

    stop() {
        this.turns.forEach(turn => turn.stop());
    }

    // The seed is chosen here rather than by the server, so that both sides share it and it fits into a JSON number.
    #prepare(turn, { system, request }) {
        const seed = turn.sides[0].request?.seed ?? crypto.getRandomValues(new Uint32Array(1))[0];
        turn.prepare(turn.sides.map((_, side) => ({
            messages: this.#messages(turn, system, side), stream: true, stream_options: { include_usage: true },
            return_concept_tokens: true, reasoning_field: "reasoning_content", reasoning_control: true, seed, ...request,
            ...(turn.sides.length > 1 && { no_soft_thinking: side === 1 }),
        })));
    }

    // Each side continues its own replies, where it has any. Turns without an answer are left out.
    #messages(turn, system, side) {
        const earlier = this.turns.slice(0, this.turns.indexOf(turn)).flatMap(({ question, sides }) => {
            const { run } = sides[side] ?? sides[0], content = run.content.trim(), reasoning = run.reasoning.trim();
            if (content === "")
                return [];
            return [{ role: "user", content: question }, { role: "assistant", content, ...(reasoning && { reasoning_content: reasoning }) }];
        });
        return [...(system ? [{ role: "system", content: system }] : []), ...earlier, { role: "user", content: turn.question }];
    }
}

import { byId, element } from "./dom.js";

const store = "softthinking.parameters";

const number = (name, label, limits) => ({ name, label, kind: "number", ...limits });

const strategies = [
    "soft", "gumbel", "dirichlet", "mixture-of-inputs", "multiplex", "swireasoning", "think-router", "latent-sft", "latent-grpo", "soft-grpo",
];

// Without values of its own, the answer has those of the thoughts.
const groups = {
    "Thoughts": [
        { name: "soft_thinking", label: "Soft thinking", kind: "switch" },
        { name: "strategy", label: "Strategy", kind: "choice", values: strategies },
        number("max_topk", "Words in a mixture, at most", { min: 1, max: 1024, step: 1 }),
        number("temperature", "Temperature", { min: 0, max: 100 }),
        number("top_p", "Top-p", { min: 0, max: 1 }),
        number("top_k", "Top-k", { min: -1, step: 1 }),
        number("min_p", "Min-p", { min: 0, max: 1 }),
    ],
    "End of thinking": [
        number("early_stopping_entropy_threshold", "Certain below, nats", { min: 0, max: 1000 }),
        number("early_stopping_length_threshold", "Certain thoughts in a row", { min: 1, step: 1 }),
        number("max_thinking_tokens", "Thoughts, at most", { min: 0, step: 1 }),
        { name: "reasoning_effort", label: "Effort", kind: "choice", values: ["none", "minimal", "low", "medium", "high", "xhigh", "max"] },
    ],
    "Answer": [
        number("after_thinking_temperature", "Temperature", { min: 0, max: 100, placeholder: "as thoughts" }),
        number("after_thinking_top_p", "Top-p", { min: 0, max: 1, placeholder: "as thoughts" }),
        number("after_thinking_top_k", "Top-k", { min: -1, step: 1, placeholder: "as thoughts" }),
        number("after_thinking_min_p", "Min-p", { min: 0, max: 1, placeholder: "as thoughts" }),
    ],
    "Whole reply": [
        number("max_tokens", "Tokens, at most", { min: 1, step: 1 }),
        number("seed", "Seed", { min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, placeholder: "random" }),
        { name: "system", label: "System message", kind: "text" },
    ],
};

/** The panel of parameters. Values live in this browser; what is empty is left to the server. */
export class Parameters {
    #inputs = new Map();

    constructor(panel) {
        this.panel = panel;
        const reset = element("button", { type: "button", class: "quiet" }, "Reset");
        const close = element("button", { type: "button", class: "quiet" }, "Close");
        reset.addEventListener("click", () => this.#set({}));
        close.addEventListener("click", () => this.toggle(false));
        panel.append(element("div", { class: "panel-head" }, element("h2", {}, "Parameters"), reset, close),
            element("p", { class: "note" }, "An empty field leaves the choice to the server."),
            ...Object.entries(groups).map(([title, fields]) =>
                element("fieldset", {}, element("legend", {}, title), ...fields.map(field => this.#field(field)))));
        panel.addEventListener("input", event => {
            event.target.removeAttribute("aria-invalid");
            localStorage.setItem(store, JSON.stringify(this.#values()));
        });
        byId("toggle-parameters").addEventListener("click", () => this.toggle(panel.hidden));
        this.#set(stored());
    }

    toggle(open) {
        this.panel.hidden = !open;
        const button = byId("toggle-parameters");
        button.setAttribute("aria-expanded", `${open}`);
        if (open)
            this.panel.querySelector("input").focus();
        else if (this.panel.contains(document.activeElement) || document.activeElement === document.body)
            button.focus();
    }

    /** The system message, and the properties of a request. Null, with the field focused, where a value is not valid. */
    read() {
        const wrong = [...this.#inputs.values()].find(input => !input.checkValidity());
        if (wrong) {
            this.#blame(wrong);
            return null;
        }
        const { system, soft_thinking, ...values } = this.#values(), request = { no_soft_thinking: soft_thinking === false };
        for (const [name, value] of Object.entries(values))
            request[name] = this.#inputs.get(name).type === "number" ? Number(value) : value;
        return { system: system ?? "", request };
    }

    /** Shows which field the server refused. */
    refused(name) {
        const input = this.#inputs.get(name);
        if (input)
            this.#blame(input);
    }

    #blame(input) {
        this.toggle(true);
        input.setAttribute("aria-invalid", "true");
        input.focus();
        input.reportValidity();
    }

    #field({ name, label, kind, values, placeholder = "default", ...limits }) {
        const input = kind === "text" ? element("textarea", { rows: 3 })
            : kind === "choice" ? element("select", {}, ...["", ...values].map(value => element("option", { value }, value || "default")))
            : kind === "switch" ? element("input", { type: "checkbox", role: "switch" })
            : element("input", { type: "number", inputmode: "decimal", step: "any", placeholder, ...limits });
        input.id = `parameter-${name}`;
        this.#inputs.set(name, input);
        return element("div", { class: `field ${kind}` }, element("label", { for: input.id }, label, element("small", {}, name)), input);
    }

    #values() {
        const values = {};
        for (const [name, input] of this.#inputs)
            if (input.type === "checkbox")
                values[name] = input.checked;
            else if (input.value !== "")
                values[name] = input.value;
        return values;
    }

    #set(values) {
        for (const [name, input] of this.#inputs)
            if (input.type === "checkbox")
                input.checked = values[name] !== false;
            else
                input.value = typeof values[name] === "string" ? values[name] : "";
        localStorage.setItem(store, JSON.stringify(this.#values()));
    }
}

function stored() {
    try {
        return JSON.parse(localStorage.getItem(store)) ?? {};
    } catch {
        return {};
    }
}

import { Conversation } from "./conversation.js";
import { announce, byId, element } from "./dom.js";
import { percent } from "./format.js";
import { hideMixture, mixtureShown } from "./mixture.js";
import { Parameters } from "./parameters.js";
import { tokenElement } from "./tokens.js";
import { hasKey, health, keepKey, modelName } from "./wire.js";

const examples = [
    "What is 47 + 85 - 19?",
    "Tom has 42 pens and finds 35 more, then gives away 18. How many pens does Tom have?",
];

// A text, its entropy, and for a mixture its weights and words.
const specimen = [
    ["Each ", 0],
    ["step", 1.05, [0.42, 0.33, 0.25], ["step", "thought", "moment"]],
    [" weighs ", 0],
    ["several", 0.6, [0.71, 0.29], ["several", "many"]],
    [" words at ", 0],
    ["once", 0.2, [0.94, 0.06], ["once", "a time"]],
    [".", 0],
];

const troubles = { failed: "The model could not be loaded.", away: "The server cannot be reached. Trying again." };

const question = byId("question"), compare = byId("compare"), parameters = new Parameters(byId("parameters"));
let conversation = new Conversation({ failed, retry });
let ready = false;

function showRunning() {
    byId("stop").hidden = !conversation.running;
    byId("send").hidden = conversation.running;
    byId("send").disabled = !ready;
}

async function ask() {
    const text = question.value.trim(), values = text && ready && !conversation.running ? parameters.read() : null;
    if (values === null)
        return;
    question.value = "";
    resize();
    const turn = conversation.add(text, values, compare.checked);
    byId("welcome").hidden = true;
    byId("new").hidden = false;
    byId("turns").append(turn.element);
    turn.element.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    announce("Thinking");
    await follow(turn.start());
}

async function follow(reply) {
    showRunning();
    await reply;
    showRunning();
}

function retry(turn) {
    const values = !conversation.running ? parameters.read() : null;
    if (values !== null)
        follow(conversation.retry(turn, values));
}

function failed(error) {
    if (error.status === 401)
        askForKey();
    else if (error.status === 400 && error.param)
        parameters.refused(error.param);
    else if (error.status === 0 || error.status === 503)
        connect();
}

function askForKey() {
    byId("key-error").hidden = !hasKey();
    byId("key-form").hidden = false;
    byId("key").focus();
}

/** Waits until the server is ready, then asks for its model's name. */
async function connect() {
    ready = false;
    showRunning();
    for (let now = await health(); now.state !== "ready"; now = await health()) {
        showServer(now);
        await new Promise(resolve => setTimeout(resolve, 500));
    }
    byId("server").hidden = true;
    try {
        byId("model").textContent = await modelName();
        byId("key-form").hidden = true;
        ready = true;
    } catch (error) {
        if (error.status !== 401)
            return showServer({ state: "failed", message: error.message });
        askForKey();
    }
    showRunning();
}

function showServer({ state, progress, message }) {
    byId("server").hidden = false;
    byId("server-progress").hidden = state !== "loading";
    if (progress === undefined)
        byId("server-progress").removeAttribute("value");
    else
        byId("server-progress").value = progress;
    byId("server-text").textContent = state === "loading" ? `The model is loading${progress === undefined ? "" : `: ${percent(progress)}`}`
        : message ?? troubles[state];
}

function startAnew() {
    conversation.stop();
    conversation = new Conversation({ failed, retry });
    byId("turns").replaceChildren();
    byId("welcome").hidden = false;
    byId("new").hidden = true;
    hideMixture();
    showRunning();
    question.focus();
}

// For browsers in which a field does not grow with its text by itself.
function resize() {
    if (CSS.supports("field-sizing", "content"))
        return;
    question.style.setProperty("height", "auto");
    question.style.setProperty("height", `${question.scrollHeight}px`);
}

function showExamples() {
    specimen.forEach(([text, entropy, probs = [1], texts = [text]], i) =>
        byId("specimen").append(tokenElement({ entropy, probs, texts, ids: probs, marker: false }, i, text)));
    for (const text of examples) {
        const button = element("button", { type: "button" }, text);
        button.addEventListener("click", () => {
            question.value = text;
            ask();
        });
        byId("examples").append(button);
    }
}

function escape() {
    if (conversation.running)
        conversation.stop();
    else if (mixtureShown())
        hideMixture();
    else if (!byId("parameters").hidden)
        parameters.toggle(false);
}

byId("composer").addEventListener("submit", event => {
    event.preventDefault();
    ask();
});
question.addEventListener("input", resize);
question.addEventListener("keydown", event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        ask();
    }
});
byId("key-form").addEventListener("submit", event => {
    event.preventDefault();
    keepKey(byId("key").value);
    byId("key").value = "";
    connect();
});
byId("stop").addEventListener("click", () => conversation.stop());
byId("new").addEventListener("click", startAnew);
document.addEventListener("keydown", event => event.key === "Escape" && escape());
showExamples();
connect();

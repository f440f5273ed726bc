const keyName = "softthinking.key";

/** An error that the server reported, or that it cannot be reached (status 0). */
export class ServerError extends Error {
    constructor(message, { status = 0, param = null, retryAfter = null } = {}) {
        super(message);
        Object.assign(this, { status, param, retryAfter });
    }
}

export const hasKey = () => sessionStorage.getItem(keyName) !== null;

export const keepKey = key => sessionStorage.setItem(keyName, key);

/** The state of the server: "ready", "loading" with a progress from 0 to 1 where it is known, "failed" to load, or "away". */
export async function health() {
    try {
        const response = await fetch("./health", { cache: "no-store" });
        if (response.ok)
            return { state: "ready" };
        const body = await response.json().catch(() => ({}));
        return ["loading", "failed"].includes(body.status) ? { state: body.status, progress: body.progress } : { state: "away" };
    } catch {
        return { state: "away" };
    }
}

/** The name of the model that the server runs. */
export async function modelName() {
    const response = await request("./v1/models", {});
    return (await response.json()).data?.[0]?.id ?? "";
}

/** Asks a question and calls `take` with each chunk of the reply. */
export async function chat(body, signal, take) {
    const response = await post("./v1/chat/completions", body, signal);
    for await (const data of events(response.body)) {
        if (data === "[DONE]")
            return;
        const chunk = JSON.parse(data);
        if (chunk.error)
            throw new ServerError(chunk.error.message, { status: 200, param: chunk.error.param });
        take(chunk);
    }
    throw new ServerError("The connection ended before the reply did.");
}

/** Ends the thinking of a reply in progress, if it still thinks. */
export async function endThinking(id) {
    try {
        await post("./v1/chat/completions/control", { id, action: "reasoning_end" });
    } catch (error) {
        if (error.status !== 404)
            throw error;
    }
}

const post = (url, body, signal) =>
    request(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

async function request(url, options) {
    const key = sessionStorage.getItem(keyName);
    const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
    let response;
    try {
        response = await fetch(url, { ...options, headers });
    } catch (error) {
        if (error.name === "AbortError")
            throw error;
        throw new ServerError("The server cannot be reached.");
    }
    if (!response.ok)
        throw await refusal(response);
    return response;
}

async function refusal(response) {
    const body = await response.json().catch(() => ({}));
    const wait = Number.parseFloat(response.headers.get("Retry-After"));
    return new ServerError(body.error?.message ?? `The server answered with status ${response.status}.`, {
        status: response.status, param: body.error?.param, retryAfter: Number.isFinite(wait) ? wait : null,
    });
}

/** The data of server-sent events. */
async function* events(stream) {
    const decoder = new TextDecoder();
    let rest = "", data = [];
    for await (const bytes of chunks(stream)) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines.map(line => line.replace(/\r$/, "")))
            if (line.startsWith("data:")) {
                data.push(line.slice(5).trimStart());
            } else if (line === "" && data.length > 0) {
                yield data.join("\n");
                data = [];
            }
    }
}

// Not every browser can iterate over a stream of bytes.
async function* chunks(stream) {
    const reader = stream.getReader();
    try {
        for (let next = await reader.read(); !next.done; next = await reader.read())
            yield next.value;
    } finally {
        reader.cancel().catch(() => {});
    }
}

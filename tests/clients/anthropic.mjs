// Talks to a server with the npm client "@anthropic-ai/sdk", as its users do. Prints one JSON object; NUnit checks it.
// Usage: node anthropic.mjs BASE_URL CASE
import Anthropic from "@anthropic-ai/sdk";

const [base, name] = process.argv.slice(2);
const client = new Anthropic({ baseURL: base, apiKey: "none", maxRetries: 0 });
const question = { model: "tiny-reasoner", max_tokens: 400, temperature: 0, messages: [{ role: "user", content: "What is 47 + 85 - 19?" }] };
const tools = [{ name: "weather", description: "The weather of a city", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const blocksOf = (message) => message.content.map((block) => ({ type: block.type, text: block.text ?? block.thinking ?? null, input: block.input ?? null, name: block.name ?? null }));

const cases = {
  async message() {
    const reply = await client.messages.create(question);
    return { blocks: blocksOf(reply), stop: reply.stop_reason, usage: reply.usage };
  },
  async stream() {
    const reply = await client.messages.stream(question).finalMessage();
    return { blocks: blocksOf(reply), stop: reply.stop_reason, usage: reply.usage };
  },
  async tools() {
    const messages = [{ role: "user", content: "weather" }];
    const first = await client.messages.stream({ model: "scripted", max_tokens: 200, messages, tools }).finalMessage();
    const call = first.content.find((block) => block.type === "tool_use");
    messages.push({ role: "assistant", content: first.content });
    messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] });
    const last = await client.messages.create({ model: "scripted", max_tokens: 200, messages, tools });
    return { first: blocksOf(first), stop: first.stop_reason, last: blocksOf(last) };
  },
  async count() {
    return await client.messages.countTokens({ model: question.model, messages: question.messages });
  },
  async error() {
    try {
      await client.messages.create({ ...question, top_p: 7 });
      return null;
    } catch (error) {
      return { status: error.status, kind: error.constructor.name, message: error.message };
    }
  },
};

console.log(JSON.stringify(await cases[name]()));

// Talks to a server with the npm client "openai", as its users do. Prints one JSON object; NUnit checks it.
// Usage: node openai.mjs BASE_URL CASE
import OpenAI from "openai";

const [base, name] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "What is 47 + 85 - 19?" }];
const weather = {
  type: "function",
  function: { name: "weather", description: "The weather of a city", parameters: { type: "object", properties: { city: { type: "string" } } } },
};

const cases = {
  async chat() {
    const reply = await client.chat.completions.create({ model: "tiny-reasoner", messages, seed: 0 });
    return { content: reply.choices[0].message.content, reasoning: reply.choices[0].message.reasoning_content, finish: reply.choices[0].finish_reason, usage: reply.usage };
  },
  async stream() {
    const stream = await client.chat.completions.create({ model: "tiny-reasoner", messages, seed: 0, stream: true, stream_options: { include_usage: true } });
    const reply = { content: "", reasoning: "", finish: null, usage: null };
    for await (const chunk of stream) {
      const choice = chunk.choices[0];
      reply.content += choice?.delta.content ?? "";
      reply.reasoning += choice?.delta.reasoning_content ?? "";
      reply.finish ??= choice?.finish_reason ?? null;
      reply.usage = chunk.usage ?? reply.usage;
    }
    return reply;
  },
  // The helper of the client that collects a stream, and calls the tools that the model asks for.
  async tools() {
    const cities = [];
    const runner = client.chat.completions.runTools({
      model: "scripted",
      messages: [{ role: "user", content: "weather" }],
      stream: true,
      tools: [{ type: "function", function: { ...weather.function, parse: JSON.parse, function: ({ city }) => { cities.push(city); return "sunny"; } } }],
    });
    return { content: await runner.finalContent(), cities, turns: runner.messages.map((message) => message.role) };
  },
  async toolsWhole() {
    const reply = await client.chat.completions.create({ model: "scripted", messages: [{ role: "user", content: "weather" }], tools: [weather] });
    return { calls: reply.choices[0].message.tool_calls, reasoning: reply.choices[0].message.reasoning_content, finish: reply.choices[0].finish_reason };
  },
  async responses() {
    const reply = await client.responses.create({ model: "tiny-reasoner", input: "What is 47 + 85 - 19?", temperature: 0 });
    return { content: reply.output_text, items: reply.output.map((item) => item.type), status: reply.status, usage: reply.usage };
  },
  async responsesStream() {
    const stream = client.responses.stream({ model: "tiny-reasoner", input: "What is 47 + 85 - 19?", temperature: 0 });
    const types = new Set();
    stream.on("event", (event) => types.add(event.type));
    const reply = await stream.finalResponse();
    return { content: reply.output_text, items: reply.output.map((item) => item.type), status: reply.status, types: [...types] };
  },
  async error() {
    try {
      await client.chat.completions.create({ model: "tiny-reasoner", messages, top_p: 7 });
      return null;
    } catch (error) {
      return { status: error.status, kind: error.constructor.name, param: error.param, message: error.message };
    }
  },
  async models() {
    return { ids: (await client.models.list()).data.map((model) => model.id) };
  },
};

console.log(JSON.stringify(await cases[name]()));

using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Chat;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Chat;

/// <summary>A conversation with a tool, through the engine: the reply calls it, and the next one answers from its result.</summary>
public class ConversationTests
{
    private const string Mistral =
        """
        [AVAILABLE_TOOLS]{{ tools | tojson }}{% for m in messages %}[{{ m.role }}]{{ m.content or '' }}{% for c in m.tool_calls or [] %}[TOOL_CALLS]{{ c.function.name
        }}[ARGS]{{ c.function.arguments | tojson }}{{ raise_exception('id') if c.id | length != 9 }}{% endfor %}{% endfor %}{% if add_generation_prompt %}<think>{{
        '<|result|>' if messages[-1].role == 'tool' else '<|tools|>' }}{% endif %}
        """;

    private static readonly JsonNode Tools = JsonNode.Parse("""[{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]""")!;

    private static readonly string[] Hermes =
    [
        "I", " ask", ".", "</think>", "\n\n", "Let", " me", " add", ".\n",
        "<tool_call>", "\n{\"name\"", ": \"add\", \"arg", "uments\": {\"a\": 4", "0, \"b\": 7}", "}\n", "</tool_call>",
    ];

    private static readonly string[] Named =
        ["I", " ask", ".", "</think>", "Let", " me", " add", ".", "[TOOL_CALLS]", "ad", "d", "[ARGS]", "{\"a\": 4", "0, \"b\"", ": 7}"];

    private static readonly string[] Last = ["Ah", ".", "</think>", "\n\n", "It is", " 47."];

    [Test]
    public async Task AToolIsCalledAndAnswers([Values(ToolCallSyntax.Hermes, ToolCallSyntax.Mistral)] ToolCallSyntax syntax)
    {
        using TempFolder folder = new();
        (string template, string[] first) = syntax == ToolCallSyntax.Hermes ? (ScriptedModel.HermesTemplate, Hermes) : (Mistral, Named);
        ScriptedModel.Write(folder.Path, template, new ScriptedReply("<|tools|>", first), new ScriptedReply("<|result|>", Last));
        await using Engine engine = Engine.Load(folder.Path, new EngineOptions { Device = ComputeDevice.Cpu });
        Assert.That(engine.ToolCallSyntax, Is.EqualTo(syntax));

        ChatMessage question = new("user", "Compute 40 + 7");
        (ChatMessage reply, List<ToolCallDelta> calls) = await Reply(engine, question);
        Assert.That((reply.Reasoning, reply.Content), Is.EqualTo(("I ask.", "Let me add.")));
        Assert.That(string.Join(' ', calls.Select(call => call.Name + "|" + call.Arguments)), Does.StartWith("add| |{\"a\": 4 |0, \"b\""), "in pieces");
        Assert.That(string.Concat(calls.Select(call => call.Arguments)), Is.EqualTo("{\"a\": 40, \"b\": 7}"));

        ChatMessage result = new("tool", "47") { Extra = JsonElement.Parse($$"""{"tool_call_id": "{{calls[0].Id}}"}""") };
        (ChatMessage answer, calls) = await Reply(engine, question, reply, result);
        Assert.That((answer.Reasoning, answer.Content, calls.Count), Is.EqualTo(("Ah.", "It is 47.", 0)));
    }

    private static async Task<(ChatMessage Message, List<ToolCallDelta> Calls)> Reply(Engine engine, params ChatMessage[] messages)
    {
        ChatReader reader = new(engine.Tokenizer, engine.ToolCallSyntax);
        List<ChatDelta> deltas = [];
        await foreach (GenerationEvent next in engine.StreamAsync(GenerationRequest.FromMessages(messages, tools: Tools)))
        {
            if (next is GeneratedToken token)
                deltas.Add(reader.Add(token));
        }
        deltas.Add(reader.Finish());
        List<ToolCallDelta> calls = [.. deltas.SelectMany(delta => delta.ToolCalls)];
        JsonObject function = new() { ["name"] = calls.FirstOrDefault()?.Name, ["arguments"] = string.Concat(calls.Select(call => call.Arguments)) };
        JsonArray history = [new JsonObject { ["id"] = calls.FirstOrDefault()?.Id, ["type"] = "function", ["function"] = function }];
        return (new ChatMessage("assistant", string.Concat(deltas.Select(delta => delta.Content)))
        {
            Reasoning = string.Concat(deltas.Select(delta => delta.Reasoning)),
            ToolCalls = JsonElement.Parse(history.ToJsonString()),
        }, calls);
    }
}

using System.Text.Json.Nodes;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary>What the documentation says of chat completions, besides their fields.</summary>
internal static class ChatSchemas
{
    public static IReadOnlyList<Example> Examples { get; } =
    [
        new("A question", """{"messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}"""),
        new("A conversation, streamed", """
            {
              "messages": [
                {"role": "user", "content": "Compute 40 + 7."},
                {"role": "assistant", "content": "The answer is 47."},
                {"role": "user", "content": [{"type": "text", "text": "What is 47 - 9?"}]}
              ],
              "stream": true,
              "stream_options": {"include_usage": true}
            }
            """),
        new("Thoughts with their mixtures", """
            {
              "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}],
              "max_topk": 5,
              "temperature": 0.7,
              "seed": 1,
              "max_tokens": 200,
              "thinking_token_budget": 100,
              "return_concept_tokens": true
            }
            """),
        new("Another strategy of thoughts", """
            {
              "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}],
              "strategy": "multiplex",
              "max_topk": 3,
              "seed": 1,
              "max_tokens": 200,
              "record": true
            }
            """),
        new("No thoughts", """
            {
              "messages": [{"role": "user", "content": "Compute 40 + 7."}],
              "reasoning_effort": "none",
              "logprobs": true,
              "top_logprobs": 2
            }
            """),
    ];

    public static JsonObject Reply { get; } = Schemas.Titled("ChatCompletion", Schemas.Object("A chat completion.", new JsonObject
    {
        ["id"] = Schemas.Text("Its id."),
        ["object"] = Schemas.Text("\"chat.completion\"; in a stream \"chat.completion.chunk\"."),
        ["created"] = Schemas.Integer("When the request came, in seconds since 1970."),
        ["model"] = Schemas.Text("Name of the model."),
        ["seed"] = Schemas.Integer("Seed of the first answer: the same request with it gives the same reply."),
        ["choices"] = Schemas.Array("The answers.", Schemas.Object("An answer.", new JsonObject
        {
            ["index"] = Schemas.Integer("Which one, from 0."),
            ["message"] = Answer,
            ["logprobs"] = Schemas.OrNull(Schemas.Object("Log-probabilities of the tokens in content and reasoning_content, if logprobs asks for them.")),
            ["token_ids"] = Schemas.Array("Ids of the tokens, if return_token_ids asks for them.", Schemas.Integer("An id.")),
            ["finish_reason"] = Schemas.Choice("Why it ended.", ["stop", "length", "tool_calls"]),
            ["stop_reason"] = Schemas.OneOf("What ended it.", Schemas.Text("A text of stop."), Schemas.Integer("An id of stop_token_ids.")),
            ["thinking_end"] = Schemas.Choice("What ended the thought.", ["model", "cold_stop", "budget", "cusum", "eat", "deer", "switches"]),
        }, "token_ids", "stop_reason", "thinking_end")),
        ["usage"] = Usage,
    }));

    /// <summary>A message of a request.</summary>
    public static JsonObject Turn => Schemas.Object("A message.", new JsonObject
    {
        ["role"] = Schemas.Text("system, developer, user, assistant or tool."),
        ["content"] = Schemas.OneOf("Its text.", Schemas.OrNull(Schemas.Text("The text.")), Schemas.Array("Parts of text.", Schemas.Object("A part.", new JsonObject
        {
            ["type"] = Schemas.Choice("Its kind.", ["text"]),
            ["text"] = Schemas.Text("The text."),
        }))),
        ["reasoning_content"] = Schemas.Text("Of an assistant: its thought, which most templates drop."),
        ["tool_calls"] = Schemas.Array("Of an assistant: its tool calls, as a reply has them.", Schemas.Object("A tool call.")),
        ["tool_call_id"] = Schemas.Text("Of a tool: which call this is the result of."),
    }, "content", "reasoning_content", "tool_calls", "tool_call_id");

    private static JsonObject Answer => Schemas.Object("The assistant's message.", new JsonObject
    {
        ["role"] = Schemas.Text("\"assistant\"."),
        ["content"] = Schemas.OrNull(Schemas.Text("The answer; null if there are only tool calls.")),
        ["reasoning_content"] = Schemas.Text("The thought."),
        ["reasoning"] = Schemas.Text("The thought, if reasoning_field names this field."),
        ["tool_calls"] = Schemas.Array("Tool calls.", Schemas.Object("{\"id\", \"type\": \"function\", \"function\": {\"name\", \"arguments\"}}")),
        ["concept_tokens"] = Schemas.Array("All tokens with their mixtures, if return_concept_tokens or record asks for them.", Schemas.Object("A token.")),
    }, "reasoning_content", "reasoning", "tool_calls", "concept_tokens");

    private static JsonObject Usage => Schemas.Object("Token counts.", new JsonObject
    {
        ["prompt_tokens"] = Schemas.Integer("Tokens of the prompt."),
        ["completion_tokens"] = Schemas.Integer("Generated tokens, thoughts included."),
        ["total_tokens"] = Schemas.Integer("Both."),
        ["prompt_tokens_details"] = Schemas.Object("Details.", new JsonObject { ["cached_tokens"] = Schemas.Integer("Those found in the prefix cache.") }),
        ["completion_tokens_details"] = Schemas.Object("Details.", new JsonObject { ["reasoning_tokens"] = Schemas.Integer("Those of thoughts.") }),
    });
}

using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.Responses;

/// <summary>Writes responses and their items.</summary>
internal sealed class ResponseWriter(Call call, CallContext context)
{
    /// <summary>Writes a response.</summary>
    public void Write(Utf8JsonWriter json, ResponseState state)
    {
        json.WriteStartObject();
        json.WriteString("id", "resp_" + context.Id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", context.Created);
        json.WriteString("status", state.Status);
        json.WriteString("model", context.Model.Name);
        WriteProblems(json, state);
        json.WriteStartArray("output");
        foreach (ReplyBlock block in state.Blocks)
            WriteItem(json, block, state.StatusOf(block));
        json.WriteEndArray();
        WriteSettings(json, state.Start);
        if (state.End != null)
            WriteUsage(json, state.Usage);
        else
            json.WriteNull("usage");
        json.WriteEndObject();
    }

    /// <summary>Writes an item.</summary>
    /// <param name="status">"in_progress", "completed" or "incomplete".</param>
    public void WriteItem(Utf8JsonWriter json, ReplyBlock block, string status)
    {
        json.WriteStartObject();
        json.WriteString("id", IdOf(block));
        switch (block.Kind)
        {
            case BlockKind.Thought:
                json.WriteString("type", "reasoning");
                // Some clients read only the one, others only the other.
                WriteParts(json, "summary", block, "summary_text");
                WriteParts(json, "content", block, "reasoning_text");
                break;
            case BlockKind.Text:
                json.WriteString("type", "message");
                json.WriteString("role", "assistant");
                WriteParts(json, "content", block, "output_text");
                break;
            case BlockKind.ToolCall:
                json.WriteString("type", "function_call");
                json.WriteString("call_id", block.CallId);
                json.WriteString("name", block.ToolName);
                json.WriteString("arguments", block.Text);
                break;
        }
        json.WriteString("status", status);
        TokenFields.Write(json, call, block.Tokens, context.Tokenizer);
        json.WriteEndObject();
    }

    /// <summary>Writes a part of an item.</summary>
    public static void WritePart(Utf8JsonWriter json, string type, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString("text", text);
        if (type == "output_text")
        {
            json.WriteStartArray("annotations");
            json.WriteEndArray();
            json.WriteStartArray("logprobs");
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>Writes what a call shows of tokens.</summary>
    public void WriteTokens(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens) => TokenFields.Write(json, call, tokens, context.Tokenizer);

    public string IdOf(ReplyBlock block) => $"{Prefix(block.Kind)}_{context.Id}{block.Index:x4}";

    private static string Prefix(BlockKind kind) => kind switch { BlockKind.Thought => "rs", BlockKind.Text => "msg", _ => "fc" };

    private static void WriteParts(Utf8JsonWriter json, string name, ReplyBlock block, string type)
    {
        json.WriteStartArray(name);
        if (block.Text.Length > 0)
            WritePart(json, type, block.Text);
        json.WriteEndArray();
    }

    private static void WriteProblems(Utf8JsonWriter json, ResponseState state)
    {
        if (state.Error != null)
        {
            json.WriteStartObject("error");
            json.WriteString("code", state.Error.Code ?? state.Error.Kind);
            json.WriteString("message", state.Error.Message);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("error");
        }
        if (state.IsCut)
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }
    }

    private void WriteSettings(Utf8JsonWriter json, GenerationStarted? start)
    {
        GenerationRequest request = call.Request;
        json.WriteNull("instructions");
        json.WriteNull("metadata");
        json.WriteBoolean("store", false);
        json.WriteNull("previous_response_id");
        json.WriteNumber("temperature", request.Sampling.AfterThinking.Temperature);
        json.WriteNumber("top_p", request.Sampling.AfterThinking.TopP);
        if (request.MaxNewTokens is int most)
            json.WriteNumber("max_output_tokens", most);
        else
            json.WriteNull("max_output_tokens");
        json.WriteBoolean("parallel_tool_calls", !call.SingleToolCall);
        json.WriteString("truncation", "disabled");
        WriteTools(json, ((ChatPrompt)request.Prompt).Tools?.AsArray());
        if (start != null)
            json.WriteNumber("seed", start.Seed);
    }

    private static void WriteTools(Utf8JsonWriter json, JsonArray? tools)
    {
        json.WriteString("tool_choice", tools != null ? "auto" : "none");
        json.WriteStartArray("tools");
        foreach (JsonNode? tool in tools ?? [])
        {
            json.WriteStartObject();
            json.WriteString("type", "function");
            foreach ((string name, JsonNode? value) in tool!["function"]!.AsObject())
            {
                json.WritePropertyName(name);
                value!.WriteTo(json);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteUsage(Utf8JsonWriter json, ReplyUsage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", usage.PromptTokens);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", usage.CompletionTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", usage.ThinkingTokens);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", usage.TotalTokens);
        json.WriteEndObject();
    }
}

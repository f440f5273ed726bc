using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using SoftThinking.Chat;
using SoftThinking.Json;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;
using Effort = Microsoft.Extensions.AI.ReasoningEffort;
using ReasoningLevel = SoftThinking.Chat.ReasoningEffort;

namespace SoftThinking.Extensions.AI;

/// <summary>Makes the request of a call.</summary>
/// <param name="client">The client that is called.</param>
/// <param name="defaults">The values that hold where the options name no others; null for those that the model's makers recommend.</param>
internal sealed class RequestBuilder(IChatClient client, Engine engine, GenerationRequest? defaults, ChatOptions options)
{
    /// <summary>Keys of a request that come as messages or typed options.</summary>
    private static readonly string[] OtherKeys = ["prompt", "messages", "system", "tools", "samples"];

    private static readonly HashSet<string> AdditionalKeys = [.. RequestJson.Keys.Except(OtherKeys), .. SamplingJson.Keys.Select(key => key.Name)];

    /// <exception cref="NotSupportedException">A message or an option asks for what the engine or the model does not know.</exception>
    /// <exception cref="ArgumentException">An option has a value out of its range or of the wrong kind.</exception>
    public GenerationRequest Build(IEnumerable<AIChatMessage> messages)
    {
        OptionSupport.Check(options, client.GetService<ChatClientMetadata>()?.DefaultModelId);
        GenerationRequest request = Base();
        ChatPrompt chat = request.Prompt as ChatPrompt ?? new ChatPrompt([]);
        IReadOnlyList<ChatMessage> turns = Conversation.Read(options.Instructions, messages);
        turns = turns.Count > 0 && TurnList.IsSystem(turns[0]) ? turns : [.. chat.Messages, .. turns];
        request = request with { Prompt = chat with { Messages = turns, Tools = ToolSchemas.Of(options, engine) ?? chat.Tools } };
        return WithAdditional(WithReasoning(WithLimits(request with { Sampling = WithSampling(request.Sampling) })));
    }

    private GenerationRequest Base()
    {
        GenerationRequest request = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => engine.Adapt(defaults ?? new GenerationRequest { Prompt = new ChatPrompt([]) }.WithDefaults(engine.Defaults)),
            GenerationRequest raw => raw,
            SamplingOptions sampling => (defaults ?? new GenerationRequest { Prompt = new ChatPrompt([]) }) with { Sampling = sampling },
            object other => throw new NotSupportedException(
                $"ChatOptions.RawRepresentationFactory must return a {nameof(GenerationRequest)} or {nameof(SamplingOptions)}, not a {other.GetType().Name}"),
        };
        return request.Samples == 1 ? request : throw new NotSupportedException("GenerationRequest.Samples must be 1: a reply is one sample");
    }

    private SamplingOptions WithSampling(SamplingOptions sampling) => sampling with
    {
        Thinking = With(sampling.Thinking),
        AfterThinking = With(sampling.AfterThinking),
        FrequencyPenalty = options.FrequencyPenalty ?? sampling.FrequencyPenalty,
        PresencePenalty = options.PresencePenalty ?? sampling.PresencePenalty,
        Seed = options.Seed is long seed ? unchecked((ulong)seed) : sampling.Seed,
    };

    private FilterOptions With(FilterOptions filter) => filter with
    {
        Temperature = options.Temperature ?? filter.Temperature,
        TopP = options.TopP ?? filter.TopP,
        TopK = options.TopK ?? filter.TopK,
    };

    private GenerationRequest WithLimits(GenerationRequest request) => request with
    {
        MaxNewTokens = options.MaxOutputTokens ?? request.MaxNewTokens,
        StopStrings = options.StopSequences is { } stops ? [.. stops] : request.StopStrings,
    };

    /// <summary>For a model that does not think, the effort has no effect.</summary>
    private GenerationRequest WithReasoning(GenerationRequest request)
    {
        if (options.Reasoning?.Effort is not Effort effort || !engine.CanThink(request.Sampling))
            return request;
        return ReasoningLevel.Apply(request, effort switch
        {
            Effort.None => ReasoningLevel.None,
            Effort.Low => "low",
            Effort.Medium => "medium",
            Effort.High => "high",
            Effort.ExtraHigh => "xhigh",
            _ => throw new NotSupportedException($"ChatOptions.Reasoning.Effort {effort} is not supported"),
        });
    }

    /// <summary>The request with our own options, by their names in JSON. Others are left to other clients.</summary>
    private GenerationRequest WithAdditional(GenerationRequest request)
    {
        if (options.AdditionalProperties is not { } properties)
            return request;
        JsonObject json = [.. properties.Where(property => AdditionalKeys.Contains(property.Key)).Select(property => KeyValuePair.Create(property.Key, JsonValues.ToNode(property.Value)))];
        if (json.Count == 0)
            return request;
        ChatPrompt chat = (ChatPrompt)request.Prompt;
        json["prompt"] = "-"; // a request in JSON has one; the messages replace it
        request = RequestJson.Read(JsonElement.Parse(json.ToJsonString()), request);
        return request with { Prompt = (ChatPrompt)request.Prompt with { Messages = chat.Messages } };
    }
}

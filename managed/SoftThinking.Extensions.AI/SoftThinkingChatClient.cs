using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace SoftThinking.Extensions.AI;

/// <summary>An engine as <see cref="IChatClient"/>. All members may be called from any thread.</summary>
/// <remarks>A reply has <see cref="TextReasoningContent"/> for the thought, <see cref="TextContent"/> for the answer and
/// <see cref="FunctionCallContent"/> for tool calls. <see cref="ChatResponse.RawRepresentation"/> is the <see cref="GenerationResult"/>, and
/// <see cref="ChatResponseUpdate.RawRepresentation"/> a <see cref="GenerationEvent"/>: the <see cref="GeneratedToken"/> of an update has the
/// concept token. Options that would change the reply in a way that the engine does not know are refused.</remarks>
/// <example><code>
/// await using Engine engine = await Engine.LoadAsync("models/tiny-reasoner");
/// using IChatClient client = new SoftThinkingChatClient(engine, "tiny-reasoner");
/// Console.WriteLine(await client.GetResponseAsync("What is 47 + 85 - 19?"));
/// </code></example>
public sealed class SoftThinkingChatClient : IChatClient
{
    private readonly Func<Task<Engine>> _engine;
    private readonly ChatClientMetadata _metadata;
    private readonly GenerationRequest? _defaults;
    private readonly Engine? _owned;

    /// <param name="engine">The engine.</param>
    /// <param name="modelId">Name of the model in replies; null for none.</param>
    /// <param name="defaults">The values that hold where the options of a call name no others; null for those that the model's makers recommend.
    /// The messages of its prompt, if that is a <see cref="ChatPrompt"/>, precede a conversation without a system message.</param>
    /// <param name="ownsEngine">Whether <see cref="Dispose"/> disposes the engine, too.</param>
    /// <exception cref="ArgumentNullException">The engine is null.</exception>
    public SoftThinkingChatClient(Engine engine, string? modelId = null, GenerationRequest? defaults = null, bool ownsEngine = false)
        : this(() => Task.FromResult(engine), modelId)
    {
        ArgumentNullException.ThrowIfNull(engine);
        _defaults = defaults;
        _owned = ownsEngine ? engine : null;
    }

    /// <param name="engine">Returns the engine, once it is loaded.</param>
    /// <param name="modelId">Name of the model in replies; null for none.</param>
    internal SoftThinkingChatClient(Func<Task<Engine>> engine, string? modelId) =>
        (_engine, _metadata) = (engine, new ChatClientMetadata("softthinking", defaultModelId: modelId));

    /// <summary>Generates the next turn of a conversation.</summary>
    /// <param name="messages">The turns so far: texts, thoughts, tool calls and their results.</param>
    /// <param name="options">How to generate it.</param>
    /// <param name="cancellationToken">Ends the generation.</param>
    /// <exception cref="ArgumentNullException">The messages are null.</exception>
    /// <exception cref="NotSupportedException">A message has content that is not text, or an option asks for what the engine or the model
    /// does not know; the message of the error names it.</exception>
    /// <exception cref="ArgumentException">An option has a value out of its range or of the wrong kind; the options name another model; or as for
    /// <see cref="Engine.GenerateAsync"/>.</exception>
    /// <exception cref="ModelFileException">The model comes without a chat template, or its file is broken; or it could not be loaded.</exception>
    /// <exception cref="Templating.TemplateException">The chat template is broken, not supported, or fails on this conversation.</exception>
    /// <exception cref="BackendException">The model could not be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">The model could not be loaded.</exception>
    /// <exception cref="GenerationLimitException">The request exceeds a limit, or the queue is full.</exception>
    /// <exception cref="GenerationException">The model's logits cannot be sampled, the engine failed, or it is being drained.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<AIChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ReplyBuilder reply = await BeginAsync(messages, options, cancellationToken).ConfigureAwait(false);
        GenerationResult result = await reply.Engine.GenerateAsync(reply.Request, cancellationToken).ConfigureAwait(false);
        return reply.ToResponse(result);
    }

    /// <summary>Generates the next turn of a conversation token by token: an update for each <see cref="GenerationEvent"/>, in whose
    /// RawRepresentation it is. A tool call comes whole. Leaving the enumeration ends the generation. All errors but the first come while
    /// updates are read.</summary>
    /// <param name="messages">The turns so far: texts, thoughts, tool calls and their results.</param>
    /// <param name="options">How to generate it.</param>
    /// <param name="cancellationToken">Ends the generation.</param>
    /// <exception cref="ArgumentNullException">The messages are null.</exception>
    /// <exception cref="NotSupportedException">As for <see cref="GetResponseAsync"/>.</exception>
    /// <exception cref="ArgumentException">As for <see cref="GetResponseAsync"/>.</exception>
    /// <exception cref="ModelFileException">As for <see cref="GetResponseAsync"/>.</exception>
    /// <exception cref="Templating.TemplateException">As for <see cref="GetResponseAsync"/>.</exception>
    /// <exception cref="BackendException">The model could not be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">The model could not be loaded.</exception>
    /// <exception cref="GenerationLimitException">The request exceeds a limit, or the queue is full.</exception>
    /// <exception cref="GenerationException">The model's logits cannot be sampled, the engine failed, or it is being drained.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<AIChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, cancellationToken);
    }

    /// <summary>Returns <see cref="ChatClientMetadata"/>, the <see cref="Engine"/> if it is loaded, or this client.</summary>
    /// <param name="serviceType">The type to return.</param>
    /// <param name="serviceKey">Must be null.</param>
    /// <exception cref="ArgumentNullException">The type is null.</exception>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey != null)
            return null;
        if (serviceType == typeof(ChatClientMetadata))
            return _metadata;
        if (serviceType == typeof(Engine))
            return _engine() is { IsCompletedSuccessfully: true } loaded ? loaded.Result : null;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Disposes the engine if the client owns it, and otherwise has no effect.</summary>
    public void Dispose() => _owned?.Dispose();

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        IEnumerable<AIChatMessage> messages, ChatOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ReplyBuilder reply = await BeginAsync(messages, options, cancellationToken).ConfigureAwait(false);
        await foreach (GenerationEvent next in reply.Engine.StreamAsync(reply.Request, cancellationToken).ConfigureAwait(false))
        {
            if (reply.Add(next) is ChatResponseUpdate update)
                yield return update;
        }
    }

    private async Task<ReplyBuilder> BeginAsync(IEnumerable<AIChatMessage> messages, ChatOptions? options, CancellationToken cancellationToken)
    {
        options ??= new ChatOptions();
        Engine engine = await _engine().WaitAsync(cancellationToken).ConfigureAwait(false);
        GenerationRequest request = new RequestBuilder(this, engine, _defaults, options).Build(messages);
        return new ReplyBuilder(engine, request, options, _metadata.DefaultModelId);
    }
}

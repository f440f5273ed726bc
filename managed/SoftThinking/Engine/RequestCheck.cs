using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Interop.Cuda;

namespace SoftThinking;

/// <summary>Checks of a request against the model and the engine's limits.</summary>
internal static class RequestCheck
{
    /// <exception cref="ArgumentException">The prompt is empty, or contains an id outside the vocabulary.</exception>
    /// <exception cref="GenerationLimitException">It leaves no room in the context.</exception>
    public static void Prompt(IReadOnlyList<ConceptToken> prompt, int vocabulary, int context)
    {
        if (prompt.Count == 0)
            throw new ArgumentException("the prompt is empty");
        Length(prompt.Count, context);
        for (int i = 0; i < prompt.Count; i++)
        {
            ConceptToken token = prompt[i];
            CheckId(token.Token, i, vocabulary);
            if (token.IsPlain)
                continue;
            foreach (ConceptEntry entry in token.Entries)
                CheckId(entry.Id, i, vocabulary);
        }
    }

    /// <exception cref="GenerationLimitException">A prompt of so many tokens leaves no room in the context.</exception>
    public static void Length(long tokens, int context)
    {
        if (tokens < context)
            return;
        throw new GenerationLimitException(GenerationLimit.Context,
            $"the prompt has {tokens} tokens; the context of {context} must hold it and an answer");
    }

    /// <exception cref="ArgumentException">Rows of the prompt cannot be inputs of this model on this device.</exception>
    public static void Embeddings(IReadOnlyList<(int First, EmbeddingPart Part)> embeddings, LoadedModel model)
    {
        for (int i = 0; i < embeddings.Count; i++)
        {
            EmbeddingPart part = embeddings[i].Part;
            string name = $"embedding {i} of the prompt, at position {embeddings[i].First},";
            int hidden = model.Weights.Config.HiddenSize;
            if (model.Comm != null)
                throw new ArgumentException($"{name} needs an engine on one device; the model is on {model.Weights.Shard.Ranks}");
            if (part.Width != hidden)
                throw new ArgumentException($"{name} has rows of {part.Width} numbers; the model's have {hidden}");
            if (part.DevicePointer % part.ElementBytes != 0)
                throw new ArgumentException($"{name} is at an address that is no multiple of the {part.ElementBytes} bytes of its numbers");
            if (model.CudaStream == 0 && part.ReadyEvent != 0)
                throw new ArgumentException($"{name} has a {nameof(EmbeddingPart.ReadyEvent)}, which only CUDA knows; the engine uses the CPU");
            try
            {
                model.Device.CheckMemory(part.DevicePointer, part.Bytes);
                if (part.ReadyEvent != 0)
                    new DeviceEvent(model.Device, part.ReadyEvent).Dispose();
            }
            catch (BackendException error)
            {
                throw new ArgumentException($"{name} cannot be used: {error.Message}", error);
            }
        }
    }

    /// <exception cref="GenerationLimitException">The request exceeds a limit of the engine.</exception>
    public static void Limits(GenerationRequest request, IReadOnlyList<ConceptToken> prompt, EngineOptions options)
    {
        if (options.MaxNewTokens is int most && request.MaxNewTokens > most)
        {
            throw new GenerationLimitException(GenerationLimit.Output,
                $"the request asks for {request.MaxNewTokens} new tokens; the engine's {nameof(EngineOptions.MaxNewTokens)} is {most}");
        }
        int given = prompt.Max(token => token.Count), mixed = request.Sampling.SoftThinking ? request.Sampling.Entries : 1;
        if (Math.Max(given, mixed) <= options.MaxTopk)
            return;
        string what = given >= mixed ? "the prompt mixes" : $"the strategy {request.Sampling.Strategy.Name} mixes up to";
        throw new GenerationLimitException(GenerationLimit.MaxTopk,
            $"{what} {Math.Max(given, mixed)} tokens; the engine's {nameof(EngineOptions.MaxTopk)}, which has to be raised for it, is {options.MaxTopk}");
    }

    /// <exception cref="RequestOptionException">An option does not fit the strategy.</exception>
    public static void Strategy(SamplingOptions options)
    {
        if (options.Topk > options.Strategy.LargestTopk)
            throw RequestOption.MaxTopk.Error($"is {options.Topk}; the strategy {options.Strategy.Name} mixes at most {options.Strategy.LargestTopk}");
    }

    private static void CheckId(int id, int position, int vocabulary)
    {
        if (id >= vocabulary)
            throw new ArgumentException($"the prompt's token {position} contains id {id}, which is outside the vocabulary of {vocabulary}");
    }
}

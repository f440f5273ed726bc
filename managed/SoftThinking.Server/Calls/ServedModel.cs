using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>The model of a server, once it is loaded.</summary>
internal sealed class ServedModel
{
    public ServedModel(Engine engine, ServerOptions options)
    {
        GenerationRequest defaults = options.Defaults(engine.Defaults);
        Engine = engine;
        Name = options.ModelName;
        Thinks = engine.CanThink(defaults.Sampling);
        Defaults = engine.Adapt(defaults);
    }

    public Engine Engine { get; }

    public string Name { get; }

    /// <summary>Whether the model has thoughts that can be ended.</summary>
    public bool Thinks { get; }

    /// <summary>The values that hold where a client names no others.</summary>
    public GenerationRequest Defaults { get; }

    /// <summary>Checks the name that a client gives the model; null for any.</summary>
    /// <exception cref="WireException">It is another model's.</exception>
    public void Check(string? name)
    {
        if (name != null && name != Name)
            throw new WireException(new WireError(404, "invalid_request_error", $"the model \"{name}\" is not here; this server has \"{Name}\"", "model", "model_not_found"));
    }

    /// <summary>When the model was loaded, in seconds since 1970.</summary>
    public long Created { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
}

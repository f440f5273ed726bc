using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>What a sampling option concerns.</summary>
public enum SamplingSection
{
    /// <summary>How thoughts are sampled.</summary>
    Thinking,

    /// <summary>The strategy of thoughts, and its parameters.</summary>
    Strategy,

    /// <summary>When the thinking ends, and its markers.</summary>
    EndOfThinking,

    /// <summary>Early exits, besides the cold stop and the thinking budget.</summary>
    EarlyExits,

    /// <summary>How the answer is sampled.</summary>
    Answer,

    /// <summary>Changes of the logits.</summary>
    Penalties,

    /// <summary>The seed.</summary>
    Randomness,
}

/// <summary>A sampling option under its published name; a <see cref="SamplingKey{T}"/> of the type of its value.</summary>
public abstract class SamplingKey
{
    private protected SamplingKey(SamplingSection section, string name, string description) =>
        (Section, Name, Description) = (section, name, description);

    /// <summary>What the option concerns.</summary>
    public SamplingSection Section { get; }

    /// <summary>The published name, a key of JSON: "top_p".</summary>
    public string Name { get; }

    /// <summary>What the option does, and its range, for help and documentation.</summary>
    public string Description { get; }

    /// <summary>The options with the value of a field.</summary>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    /// <exception cref="JsonFieldException">The value is of another kind, or out of range.</exception>
    public abstract SamplingOptions Read(JsonField field, SamplingOptions options);

    /// <summary>Writes the value as a property, if there is one.</summary>
    internal abstract void Write(Utf8JsonWriter json, SamplingOptions options);
}

/// <summary>A sampling option whose value is a number (int, float, ulong), a text, true or false, or a dictionary of ids and
/// numbers.</summary>
public sealed class SamplingKey<T> : SamplingKey
    where T : notnull
{
    private readonly Func<SamplingOptions, object?> _get;
    private readonly Func<SamplingOptions, T, SamplingOptions> _set;
    private readonly Func<JsonField, T> _read;
    private readonly Action<Utf8JsonWriter, T> _write;

    internal SamplingKey(
        SamplingSection section, string name, string description, Func<SamplingOptions, object?> get,
        Func<SamplingOptions, T, SamplingOptions> set, Func<JsonField, T> read, Action<Utf8JsonWriter, T> write)
        : base(section, name, description) => (_get, _set, _read, _write) = (get, set, read, write);

    /// <summary>The value in some options; false where they have none, as for a limit that is not set.</summary>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    public bool TryGet(SamplingOptions options, [NotNullWhen(true)] out T? value)
    {
        ArgumentNullException.ThrowIfNull(options);
        object? found = _get(options);
        value = found is T present ? present : default;
        return found != null;
    }

    /// <summary>The options with another value.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The value is out of range.</exception>
    public SamplingOptions Set(SamplingOptions options, T value)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(value);
        return _set(options, value);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    /// <exception cref="JsonFieldException">The value is of another kind, or out of range.</exception>
    public override SamplingOptions Read(JsonField field, SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        T value = _read(field);
        return field.Apply(() => _set(options, value));
    }

    internal override void Write(Utf8JsonWriter json, SamplingOptions options)
    {
        if (!TryGet(options, out T? value))
            return;
        json.WritePropertyName(Name);
        _write(json, value);
    }
}

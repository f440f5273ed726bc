namespace SoftThinking;

/// <summary>An option of a request does not fit the model, or another option.</summary>
public sealed class RequestOptionException : ArgumentException
{
    private readonly string _problem;

    internal RequestOptionException(RequestOption option, string problem)
        : base($"{option.Property} {problem}") => (Key, _problem) = (option.Key, problem);

    /// <summary>The published name of the option, a key of <see cref="Json.RequestJson"/> or <see cref="Json.SamplingJson"/>: "hard_ids".</summary>
    public string Key { get; }

    /// <summary>The message with another name in place of the property's, such as <see cref="Key"/>.</summary>
    /// <exception cref="ArgumentNullException">The name is null.</exception>
    public string MessageFor(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return $"{name} {_problem}";
    }
}

using System.Net;
using System.Runtime.CompilerServices;

namespace SoftThinking.Server;

/// <summary>How a server is set up.</summary>
public sealed record ServerOptions
{
    /// <summary>Name of the model in requests and replies.</summary>
    public required string ModelName { get; init; }

    /// <summary>The address to listen on. Any but a loopback address needs <see cref="ApiKeys"/> or
    /// <see cref="AllowUnauthenticated"/>.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port to listen on; 0 for any free one.</summary>
    public int Port
    {
        get;
        init => field = Check(value, 0, 65535, "0 to 65535");
    } = 8000;

    /// <summary>Keys of which every request needs one, except for the page and <c>/health</c>; empty for none.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>Whether to serve other machines without a key.</summary>
    public bool AllowUnauthenticated { get; init; }

    /// <summary>The request whose values hold where a client names no others, given what the model's makers recommend. Its prompt is
    /// replaced; the messages and template variables of a <see cref="ChatPrompt"/> stay where a conversation has no system message and
    /// no such variables of its own.</summary>
    public Func<GenerationDefaults, GenerationRequest> Defaults { get; init; } = _ => new GenerationRequest { Prompt = new ChatPrompt([]) };

    /// <summary>Where replies put the thought.</summary>
    public ReasoningField ReasoningField { get; init; }

    /// <summary>Most bytes of a request's body, 1 to 1,073,741,824.</summary>
    public int MaxBodyBytes
    {
        get;
        init => field = Check(value, 1, 1 << 30, "1 to 1073741824");
    } = 16 << 20;

    /// <summary>Most messages of a conversation.</summary>
    public int MaxMessages
    {
        get;
        init => field = Check(value, 1, 1 << 20, "1 to 1048576");
    } = 4096;

    /// <summary>Most connections at once.</summary>
    public int MaxConnections
    {
        get;
        init => field = Check(value, 1, 1 << 20, "1 to 1048576");
    } = 1024;

    /// <summary>Longest time of a request, at most 20 days; then it is cancelled.</summary>
    public TimeSpan RequestTimeout
    {
        get;
        init => field = CheckTime(value);
    } = TimeSpan.FromHours(1);

    /// <summary>How long requests in progress may go on when the server is stopped.</summary>
    public TimeSpan ShutdownTimeout
    {
        get;
        init => field = CheckTime(value);
    } = TimeSpan.FromSeconds(30);

    /// <summary>After so long without output a stream gets a comment, which keeps connections open.</summary>
    public TimeSpan KeepAliveInterval
    {
        get;
        init => field = CheckTime(value);
    } = TimeSpan.FromSeconds(15);

    /// <summary>Origins of other pages that may call the server from a browser, such as "https://example.com"; "*" for all.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>Whether the log has the texts of prompts and replies.</summary>
    public bool LogPrompts { get; init; }

    /// <summary>Whether traces are sent by OTLP, to the endpoint that the usual variables (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>) name.</summary>
    public bool Traces { get; init; }

    private static int Check(int value, int least, int most, string range, [CallerMemberName] string name = "") => value >= least && value <= most
        ? value
        : throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{name} must be {range}, not {value}"));

    // Timers count at most 2^32 - 2 milliseconds.
    private static TimeSpan CheckTime(TimeSpan value, [CallerMemberName] string name = "") => value > TimeSpan.Zero && value <= TimeSpan.FromDays(20)
        ? value
        : throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{name} must be above 0, at most 20 days, not {value.TotalSeconds:0.###} s"));
}

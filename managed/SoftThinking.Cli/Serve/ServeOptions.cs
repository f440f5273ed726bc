using System.CommandLine;
using System.Net;
using SoftThinking.Server;

namespace SoftThinking.Cli;

/// <summary>The settings of a `serve` command.</summary>
internal sealed record ServeSettings(ModelChoice Model, ServerOptions Server, EngineOptions Engine);

/// <summary>The options of `serve`.</summary>
internal sealed class ServeOptions
{
    private const string KeyVariable = "SOFTTHINKING_API_KEY", ContextLength = "--context-length", KvCache = "--kv-cache-mib";

    private static readonly EngineOptions EnginePreset = new();
    private static readonly ServerOptions ServerPreset = new() { ModelName = "" };

    private readonly Option<string?> _host = OptionKinds.Text("--host", "ADDRESS",
        "The address to listen on: an IP address or localhost; 0.0.0.0 and :: for all. Any but this machine's own needs a key or --allow-unauthenticated.");
    private readonly Option<int?> _port = NumberOption.Create<int>("--port", "The port to listen on: 0 (any free one) to 65535.", ServerPreset.Port,
        value => _ = ServerPreset with { Port = value });
    private readonly Option<string[]?> _keys = OptionKinds.Repeated("--api-key", "KEY",
        $"A key that requests need; may be repeated. Other users can see the command line: {KeyVariable} and --api-key-file keep keys from them.");
    private readonly Option<string?> _keyFile = OptionKinds.PathTo("--api-key-file", "FILE", "A file with a key in each line.");
    private readonly Option<bool> _unauthenticated = OptionKinds.Flag("--allow-unauthenticated", "Serve other machines without a key.");
    private readonly Option<string?> _name = OptionKinds.Text("--served-model-name", "NAME",
        "Name of the model in requests and replies; by default that of its directory.");
    private readonly Option<string?> _reasoningField = OptionKinds.Text("--reasoning-field", "reasoning_content|reasoning|both",
        "The field of replies that holds the thought: reasoning_content by default. A client that reads both would show it twice.");
    private readonly Option<string[]?> _origins = OptionKinds.Repeated("--cors-origin", "ORIGIN",
        "Another site whose pages may call this server, such as https://example.com, or * for all; may be repeated.");
    private readonly Option<int?> _batch = NumberOption.Create<int>("--batch", "Maximum number of sequences in progress at once: 1 to 1024.",
        EnginePreset.MaxSequences, value => _ = EnginePreset with { MaxSequences = value });
    private readonly Option<int?> _queue = NumberOption.Create<int>("--queue", "Maximum number of sequences that wait; further requests get the status 429.",
        EnginePreset.QueueLength, value => _ = EnginePreset with { QueueLength = value });
    private readonly Option<int?> _context = NumberOption.Create<int>(ContextLength, "Maximum positions of a sequence: 2 to the model's own limit, which is the default.",
        null, value => _ = EnginePreset with { ContextLength = value });
    private readonly Option<int?> _kvCache = NumberOption.Create<int>(KvCache, "Size of the KV cache in MiB: 1 or more.",
        null, value => _ = EnginePreset with { KvCacheBytes = (long)value << 20 });
    private readonly Option<int?> _timeout = NumberOption.Create<int>("--request-timeout", "Longest time of a request, in seconds.",
        (int)ServerPreset.RequestTimeout.TotalSeconds, value => _ = ServerPreset with { RequestTimeout = TimeSpan.FromSeconds(value) });
    private readonly Option<int?> _shutdown = NumberOption.Create<int>("--shutdown-timeout", "How long requests in progress may go on after Ctrl-C, in seconds.",
        (int)ServerPreset.ShutdownTimeout.TotalSeconds, value => _ = ServerPreset with { ShutdownTimeout = TimeSpan.FromSeconds(value) });
    private readonly Option<bool> _logPrompts = OptionKinds.Flag("--log-prompts", "Log the texts of requests and replies.");
    private readonly Option<bool> _traces = OptionKinds.Flag("--traces", "Send traces by OTLP, to the endpoint that OTEL_EXPORTER_OTLP_ENDPOINT names.");
    private readonly RequestArguments _request = new(maxNewTokens: null, seed: null);

    public ServeOptions() => Groups =
    [
        new("server", [CommonOptions.Model, _name, _host, _port, _keys, _keyFile, _unauthenticated, _origins]),
        new("limits", [_batch, _queue, _context, _kvCache, _timeout, _shutdown]),
        new("output", [_reasoningField, _logPrompts, _traces]),
        new("defaults of requests", [.. _request.Prompt, .. _request.Limits]),
        .. _request.Sampling,
        new("machine", CommonOptions.Machine),
    ];

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">A value is wrong, or options contradict each other.</exception>
    /// <exception cref="IOException">The file of keys cannot be read.</exception>
    public ServeSettings Read(ParseResult parsed)
    {
        ModelChoice model = ModelChoice.Of(parsed.GetValue(CommonOptions.Model));
        EngineOptions machine = CommonOptions.ReadMachine(parsed);
        return new ServeSettings(model, ReadServer(parsed, model), machine with
        {
            MaxSequences = parsed.GetValue(_batch) ?? machine.MaxSequences,
            QueueLength = parsed.GetValue(_queue) ?? machine.QueueLength,
            ContextLength = parsed.GetValue(_context),
            KvCacheBytes = parsed.GetValue(_kvCache) is int megabytes ? (long)megabytes << 20 : null,
            MaxTopk = ConceptToken.MaxEntries,
        });
    }

    /// <summary>The option that sets a property of <see cref="EngineOptions"/> whose range depends on the model; null for another one.</summary>
    public static string? NameOf(string? property) => property switch
    {
        nameof(EngineOptions.ContextLength) => ContextLength,
        nameof(EngineOptions.KvCacheBytes) => KvCache,
        _ => null,
    };

    private ServerOptions ReadServer(ParseResult parsed, ModelChoice model)
    {
        bool modelDefaults = _request.NeedModelDefaults(parsed);
        _request.Read(parsed); // its errors come now, not when the model is loaded
        ServerOptions options = new()
        {
            ModelName = ReadName(parsed.GetValue(_name) ?? NameOf(model)),
            Address = ReadAddress(parsed.GetValue(_host)),
            Port = parsed.GetValue(_port) ?? ServerPreset.Port,
            ApiKeys = ReadKeys(parsed),
            AllowUnauthenticated = parsed.GetValue(_unauthenticated),
            Defaults = defaults => _request.Read(parsed, raw: false, modelDefaults ? defaults : null),
            ReasoningField = ReadReasoningField(parsed.GetValue(_reasoningField)),
            RequestTimeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout) ?? ServerPreset.RequestTimeout.TotalSeconds),
            ShutdownTimeout = TimeSpan.FromSeconds(parsed.GetValue(_shutdown) ?? ServerPreset.ShutdownTimeout.TotalSeconds),
            CorsOrigins = ReadOrigins(parsed.GetValue(_origins) ?? []),
            LogPrompts = parsed.GetValue(_logPrompts),
            Traces = parsed.GetValue(_traces),
        };
        if (!IPAddress.IsLoopback(options.Address) && options.ApiKeys.Count == 0 && !options.AllowUnauthenticated)
            throw new UsageException($"listening on {options.Address} would serve every machine that reaches this one: set a key with --api-key-file or {KeyVariable}, or say --allow-unauthenticated");
        return options;
    }

    private static string NameOf(ModelChoice model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path)));

    private static IPAddress ReadAddress(string? host) => host switch
    {
        null or "localhost" => IPAddress.Loopback,
        _ => IPAddress.TryParse(host, out IPAddress? address) ? address : throw new UsageException($"--host must be an IP address or localhost, not '{host}'"),
    };

    private static ReasoningField ReadReasoningField(string? name) => name switch
    {
        null or "reasoning_content" => ReasoningField.ReasoningContent,
        "reasoning" => ReasoningField.Reasoning,
        "both" => ReasoningField.Both,
        _ => throw new UsageException($"--reasoning-field must be reasoning_content, reasoning or both, not '{name}'"),
    };

    private List<string> ReadKeys(ParseResult parsed)
    {
        List<string> keys = [.. parsed.GetValue(_keys) ?? []];
        if (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } variable)
            keys.Add(variable);
        if (parsed.GetValue(_keyFile) is string file)
        {
            keys.AddRange(ReadKeyFile(file));
        }
        return keys.TrueForAll(key => key.Length > 0 && key.All(c => c is > ' ' and <= '~'))
            ? keys
            : throw new UsageException("a key must be printable ASCII characters without spaces");
    }

    private static string[] ReadKeyFile(string file)
    {
        string[] lines;
        try
        {
            lines = [.. File.ReadAllLines(file).Select(line => line.Trim()).Where(line => line.Length > 0)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"--api-key-file: {InputFile.Problem(file, error)}", error);
        }
        return lines.Length > 0 ? lines : throw new UsageException($"{file} has no key");
    }

    private static string ReadName(string name) => name.Length > 0 ? name : throw new UsageException("--served-model-name must not be empty");

    private static string[] ReadOrigins(string[] origins) => Array.Find(origins, origin => !IsOrigin(origin)) is string wrong
        ? throw new UsageException($"--cors-origin must be *, or a scheme and a host, such as https://example.com or http://localhost:3000, not '{wrong}'")
        : origins;

    // What a browser sends has no path, not even a slash; "null" is what it sends for a page in a file.
    private static bool IsOrigin(string text) => text is "*" or "null"
        || (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri is { Host: not "", PathAndQuery: "/" or "", Fragment: "", UserInfo: "" } && !text.EndsWith('/'));
}

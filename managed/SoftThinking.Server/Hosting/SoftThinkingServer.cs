using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Hosting;
using SoftThinking.Server.Telemetry;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server;

/// <summary>An OpenAI-compatible server over HTTP, with a page that shows thoughts.</summary>
/// <example><code>
/// await using SoftThinkingServer server = new(new ServerOptions { ModelName = "tiny-reasoner" },
///     (progress, cancellation) => Engine.LoadAsync("models/tiny-reasoner", new EngineOptions { LoadProgress = progress }, cancellation));
/// await server.StartAsync();
/// Console.WriteLine(server.Address);
/// await server.WaitAsync();
/// </code></example>
public sealed class SoftThinkingServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly EngineHost _host;
    private readonly ApiKeys _keys;
    private readonly ILogger _logger;
    private readonly IPEndPoint _listen;
    private readonly TimeSpan _shutdown;
    private readonly CancellationTokenSource _stopped = new(); // requests in progress have no time left
    private readonly Lazy<Task> _stop;

    /// <param name="options">How the server is set up.</param>
    /// <param name="load">Loads the model, which the server owns from then on; is passed what to call with the fraction loaded. Until it is
    /// loaded, requests get the status 503.</param>
    /// <param name="logging">Sets up the log; null for none.</param>
    /// <exception cref="ArgumentNullException">The options or the function are null.</exception>
    /// <exception cref="ArgumentException">The options would serve other machines without a key.</exception>
    public SoftThinkingServer(
        ServerOptions options, Func<Action<double>, CancellationToken, Task<Engine>> load, Action<ILoggingBuilder>? logging = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(load);
        if (!IPAddress.IsLoopback(options.Address) && options.ApiKeys.Count == 0 && !options.AllowUnauthenticated)
            throw new ArgumentException($"listening on {options.Address} without an API key would serve every machine that reaches this one");
        _listen = new IPEndPoint(options.Address, options.Port);
        (_keys, _shutdown, _stop) = (new ApiKeys(options.ApiKeys), options.ShutdownTimeout, new(StopOnceAsync));
        _app = Build(options, logging);
        _logger = _app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("SoftThinking.Server");
        _host = new EngineHost(options, load, engine => new MetricsEndpoint(engine, options.ModelName, _app.Services));
        _app.Use(HandleErrorsAsync);
        if (ChecksHost(options))
            _app.Use(CheckHostAsync);
        if (options.CorsOrigins.Count > 0)
            _app.UseCors();
        _app.Use(CheckKeyAsync);
        new Routes(_host, options, _logger, _stopped.Token).Map(_app);
    }

    /// <summary>Where the server listens, once it is started.</summary>
    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    internal IServiceProvider Services => _app.Services;

    internal IEnumerable<Endpoint> Endpoints => ((IEndpointRouteBuilder)_app).DataSources.SelectMany(source => source.Endpoints);

    /// <summary>Completes when the model is loaded, or cannot be.</summary>
    public Task Loaded => _host.Loading;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">The port is in use, or this machine or user may not listen there.</exception>
    public async Task StartAsync(CancellationToken cancellation = default)
    {
        try
        {
            await _app.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (SocketException error) // only that of a port in use is an IOException already
        {
            throw new IOException($"cannot listen on {_listen}: {error.Message}", error);
        }
    }

    /// <summary>Waits until the server is stopped, or its model cannot be loaded; that error is thrown.</summary>
    /// <param name="cancellation">Stops the server: requests in progress go on for <see cref="ServerOptions.ShutdownTimeout"/>.</param>
    public async Task WaitAsync(CancellationToken cancellation = default)
    {
        try
        {
            await _host.Loading.WaitAsync(cancellation).ConfigureAwait(false);
            await _app.WaitForShutdownAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        finally
        {
            await StopAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Stops the server: it accepts no more connections, and requests in progress go on for
    /// <see cref="ServerOptions.ShutdownTimeout"/>.</summary>
    public Task StopAsync() => _stop.Value;

    /// <summary>Stops the server, and frees the model.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        await _host.DisposeAsync().ConfigureAwait(false);
        _stopped.Dispose();
    }

    private Task StopOnceAsync()
    {
        _stopped.CancelAfter(_shutdown);
        return _app.StopAsync(_stopped.Token);
    }

    private static WebApplication Build(ServerOptions options, Action<ILoggingBuilder>? logging)
    {
        // Not a builder with defaults: it reads appsettings.json of the current directory, which could open further ports.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        logging?.Invoke(builder.Logging);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Listen(options.Address, options.Port);
        });
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan); // StopAsync has a limit
        builder.Services.AddRoutingCore();
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy.WithOrigins([.. options.CorsOrigins]).AllowAnyHeader().AllowAnyMethod()));
        if (options.Traces)
        {
            builder.Configuration.AddInMemoryCollection(Tracing.Variables);
            Tracing.Add(builder.Services);
        }
        return builder.Build();
    }

    /// <summary>A page of any site could make its name that of this machine, and then read what this server sends.</summary>
    private static bool ChecksHost(ServerOptions options) => IPAddress.IsLoopback(options.Address) && options.ApiKeys.Count == 0;

    private Task CheckHostAsync(HttpContext http, RequestDelegate next)
    {
        string host = http.Request.Host.Host;
        string[] names = ["", "localhost", "127.0.0.1", "[::1]", HostOf(_listen.Address)]; // HTTP/1.0 has none
        return names.Contains(host, StringComparer.OrdinalIgnoreCase) ? next(http) : WriteErrorAsync(http, WireError.Invalid(
            $"the host \"{host}\" is not a name of this machine; without an API key no other is served"));
    }

    private static string HostOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();

    private async Task HandleErrorsAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http).ConfigureAwait(false);
            if (!http.Response.HasStarted && http.Response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed)
                await WriteErrorAsync(http, new WireError(http.Response.StatusCode, "invalid_request_error", $"there is no {http.Request.Method} {http.Request.Path}")).ConfigureAwait(false);
        }
        catch (Exception error) when (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            WireError wire = WireError.Of(error);
            new RequestLog(http.Request.Path, _logger, logsTexts: false).Failed(wire, error);
            await WriteErrorAsync(http, wire).ConfigureAwait(false);
        }
    }

    private Task CheckKeyAsync(HttpContext http, RequestDelegate next)
    {
        if (Routes.IsPublic(http.Request.Path) || HttpMethods.IsOptions(http.Request.Method) || _keys.Allow(http.Request))
            return next(http);
        http.Response.Headers.WWWAuthenticate = "Bearer";
        return WriteErrorAsync(http, new WireError(401, "authentication_error", "the API key is missing or wrong", null, "invalid_api_key"));
    }

    private static Task WriteErrorAsync(HttpContext http, WireError error) => HttpReply.WriteErrorAsync(http, error, Routes.ErrorWriter(http.Request.Path));
}

using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace SoftThinking.Server.Telemetry;

/// <summary><c>/metrics</c>: what one engine measures, and what ASP.NET Core measures of the requests of one server, in the text format of
/// Prometheus. Other engines and servers of the process have nothing to do with it.</summary>
internal sealed class MetricsEndpoint : IDisposable
{
    private const string EngineMeter = "SoftThinking", HttpMeter = "Microsoft.AspNetCore.Hosting";

    /// <summary>A generation may take minutes.</summary>
    private static readonly ExplicitBucketHistogramConfiguration RequestTimes = new()
    {
        Boundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 3600],
        TagKeys = ["http.request.method", "http.route", "http.response.status_code"],
    };

    private readonly MeterProvider _provider;

    public MetricsEndpoint(Engine engine, string model, IServiceProvider services)
    {
        object http = services.GetRequiredService<IMeterFactory>(); // the scope of the meters of this server
        _provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.Clear().AddAttributes([new("model_name", model)]))
            .AddMeter(EngineMeter, HttpMeter)
            .AddView(instrument => instrument.Meter.Scope != engine && instrument.Meter.Scope != http ? MetricStreamConfiguration.Drop
                : instrument.Name == "http.server.request.duration" ? RequestTimes
                : null)
            .AddPrometheusExporter(Export)
            .Build();
        ApplicationBuilder scrape = new(services);
        scrape.UseOpenTelemetryPrometheusScrapingEndpoint(_provider, _ => true, null, null, null);
        HandleAsync = scrape.Build();
    }

    public RequestDelegate HandleAsync { get; }

    public void Dispose() => _provider.Dispose();

    private static void Export(PrometheusAspNetCoreOptions options)
    {
        // Series have the names and labels that dashboards know, and no others.
        (options.ScopeInfoEnabled, options.TargetInfoEnabled) = (false, false);
        options.ResourceConstantLabels = _ => true;
        options.ScrapeResponseCacheDurationMilliseconds = 0;
    }
}

using System.Collections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace SoftThinking.Server.Telemetry;

/// <summary>Traces of requests, sent by OTLP. The usual variables of OpenTelemetry set endpoint, protocol, sampler, and name of the service.</summary>
internal static class Tracing
{
    /// <summary>Routes that are asked every few seconds.</summary>
    private static readonly PathString[] Quiet = ["/health", "/metrics"];

    /// <summary>The variables, which OpenTelemetry reads from the configuration of the host.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Variables => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Select(variable => KeyValuePair.Create((string)variable.Key, (string?)variable.Value))
        .Where(variable => variable.Key.StartsWith("OTEL_", StringComparison.Ordinal));

    public static void Add(IServiceCollection services) => services.AddOpenTelemetry()
        .ConfigureResource(resource => resource.AddService("softthinking").AddEnvironmentVariableDetector())
        .WithTracing(tracing => tracing
            .AddSource(GenerationSpan.SourceName)
            .AddAspNetCoreInstrumentation(requests => requests.Filter = http => !Quiet.Contains(http.Request.Path))
            .AddOtlpExporter());
}

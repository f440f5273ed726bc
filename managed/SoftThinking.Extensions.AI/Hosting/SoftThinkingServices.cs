using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace SoftThinking.Extensions.AI;

/// <summary>Registers a model with an application.</summary>
/// <remarks>The services are singletons: <see cref="IChatClient"/>, the same as <see cref="SoftThinkingChatClient"/>, and
/// <see cref="Engine"/>. A host begins to load the model in the background when it starts; without a host that begins with first use. The
/// client may be used at once, and its calls wait for the model; resolving the engine itself blocks until it is loaded. Where loading fails,
/// both throw the error, as <see cref="Engine.LoadAsync"/> does, and the application runs on. The container disposes the
/// engine.</remarks>
public static class SoftThinkingServices
{
    /// <summary>Registers the model that the section "SoftThinking" of the application's configuration names.</summary>
    /// <exception cref="ArgumentNullException">The services are null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<SoftThinkingOptions>().BindConfiguration(SoftThinkingOptions.Section);
        return Add(services);
    }

    /// <summary>Registers the model that a section of a configuration names.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section, with the properties of <see cref="SoftThinkingOptions"/>.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        services.AddOptions<SoftThinkingOptions>().Bind(section);
        return Add(services);
    }

    /// <summary>Registers a model.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services, Action<SoftThinkingOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<SoftThinkingOptions>().Configure(configure);
        return Add(services);
    }

    /// <summary>Adds a check of the model: healthy once it is loaded, degraded while it is being loaded, and unhealthy where that
    /// failed.</summary>
    /// <param name="checks">The checks of an application with <see cref="AddSoftThinking(IServiceCollection)"/>.</param>
    /// <param name="name">Name of the check.</param>
    /// <param name="failureStatus">The status where loading failed; null for unhealthy.</param>
    /// <param name="tags">Tags of the check; null for none.</param>
    /// <exception cref="ArgumentNullException">The checks or the name are null.</exception>
    public static IHealthChecksBuilder AddSoftThinking(
        this IHealthChecksBuilder checks, string name = "softthinking", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentNullException.ThrowIfNull(name);
        return checks.Add(new HealthCheckRegistration(name, services => new EngineHealthCheck(services.GetRequiredService<EngineLoader>()), failureStatus, tags));
    }

    private static IServiceCollection Add(IServiceCollection services)
    {
        services.AddOptions<SoftThinkingOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SoftThinkingOptions>, SoftThinkingOptionsCheck>());
        services.TryAddSingleton(provider => new EngineLoader(ModelOf(provider).LoadAsync));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, EngineLoader>(provider => provider.GetRequiredService<EngineLoader>()));
        services.TryAddSingleton(provider => provider.GetRequiredService<EngineLoader>().LoadAsync().GetAwaiter().GetResult());
        services.TryAddSingleton(provider => new SoftThinkingChatClient(
            provider.GetRequiredService<EngineLoader>().LoadAsync, provider.GetRequiredService<IOptions<SoftThinkingOptions>>().Value.ModelName));
        services.TryAddSingleton<IChatClient>(provider => provider.GetRequiredService<SoftThinkingChatClient>());
        return services;
    }

    private static ConfiguredModel ModelOf(IServiceProvider provider)
    {
        ILoggerFactory loggers = provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance;
        return new ConfiguredModel(provider.GetRequiredService<IOptions<SoftThinkingOptions>>(), loggers.CreateLogger(nameof(SoftThinking)));
    }
}

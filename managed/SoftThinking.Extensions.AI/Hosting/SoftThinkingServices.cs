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

/// <summary>Registers models with an application: one, or several with a key each.</summary>
/// <remarks>The services of a model are singletons: <see cref="IChatClient"/>, the same as <see cref="SoftThinkingChatClient"/>, and
/// <see cref="Engine"/>; those of a model with a key are keyed services. A host begins to load the model in the background when it starts;
/// without a host that begins with first use. The client may be used at once, and its calls wait for the model; resolving the engine itself
/// blocks until it is loaded. Where loading fails, both throw the error, as <see cref="Engine.LoadAsync"/> does, and the application runs on.
/// The container disposes the engine.</remarks>
public static class SoftThinkingServices
{
    private const string CheckName = "softthinking";

    /// <summary>Registers the model that the section "SoftThinking" of the application's configuration names.</summary>
    /// <exception cref="ArgumentNullException">The services are null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        return Add(services, null, options => options.BindConfiguration(SoftThinkingOptions.Section));
    }

    /// <summary>Registers the model that a section of a configuration names.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section, with the properties of <see cref="SoftThinkingOptions"/>.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        return Add(services, null, options => options.Bind(section));
    }

    /// <summary>Registers a model.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static IServiceCollection AddSoftThinking(this IServiceCollection services, Action<SoftThinkingOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        return Add(services, null, options => options.Configure(configure));
    }

    /// <summary>Registers, with a key, the model that the section "SoftThinking:KEY" of the application's configuration names.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">Key of the services, and name of the options.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The key is empty, or another model has it.</exception>
    public static IServiceCollection AddKeyedSoftThinking(this IServiceCollection services, string key)
    {
        ArgumentNullException.ThrowIfNull(services);
        return AddKeyed(services, key, options => options.BindConfiguration(SoftThinkingOptions.SectionOf(key)));
    }

    /// <summary>Registers, with a key, the model that a section of a configuration names.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">Key of the services, and name of the options.</param>
    /// <param name="section">The section, with the properties of <see cref="SoftThinkingOptions"/>.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The key is empty, or another model has it.</exception>
    public static IServiceCollection AddKeyedSoftThinking(this IServiceCollection services, string key, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        return AddKeyed(services, key, options => options.Bind(section));
    }

    /// <summary>Registers a model with a key.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">Key of the services, and name of the options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The key is empty, or another model has it.</exception>
    public static IServiceCollection AddKeyedSoftThinking(this IServiceCollection services, string key, Action<SoftThinkingOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        return AddKeyed(services, key, options => options.Configure(configure));
    }

    /// <summary>Adds a check of the model: healthy once it is loaded, degraded while it is being loaded, and unhealthy where that
    /// failed.</summary>
    /// <param name="checks">The checks of an application with <see cref="AddSoftThinking(IServiceCollection)"/>.</param>
    /// <param name="name">Name of the check.</param>
    /// <param name="failureStatus">The status where loading failed; null for unhealthy.</param>
    /// <param name="tags">Tags of the check; null for none.</param>
    /// <exception cref="ArgumentNullException">The checks or the name are null.</exception>
    public static IHealthChecksBuilder AddSoftThinking(
        this IHealthChecksBuilder checks, string name = CheckName, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentNullException.ThrowIfNull(name);
        return checks.Add(new HealthCheckRegistration(name, services => CheckOf(services, null), failureStatus, tags));
    }

    /// <summary>Adds a check of the model with a key, as <see cref="AddSoftThinking(IHealthChecksBuilder, string, HealthStatus?,
    /// IEnumerable{string}?)"/> does of the one without.</summary>
    /// <param name="checks">The checks of an application with <see cref="AddKeyedSoftThinking(IServiceCollection, string)"/>.</param>
    /// <param name="key">Key of the model.</param>
    /// <param name="name">Name of the check; null for "softthinking-KEY".</param>
    /// <param name="failureStatus">The status where loading failed; null for unhealthy.</param>
    /// <param name="tags">Tags of the check; null for none.</param>
    /// <exception cref="ArgumentNullException">The checks or the key are null.</exception>
    /// <exception cref="ArgumentException">The key is empty.</exception>
    public static IHealthChecksBuilder AddKeyedSoftThinking(
        this IHealthChecksBuilder checks, string key, string? name = null, HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentException.ThrowIfNullOrEmpty(key);
        return checks.Add(new HealthCheckRegistration(name ?? $"{CheckName}-{key}", services => CheckOf(services, key), failureStatus, tags));
    }

    private static IServiceCollection AddKeyed(IServiceCollection services, string key, Action<OptionsBuilder<SoftThinkingOptions>> configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        return !Has(services, key)
            ? Add(services, key, configure)
            : throw new ArgumentException($"a model with the key \"{key}\" is registered already", nameof(key));
    }

    /// <param name="key">Null for the model without a key. Further registrations of that one add options to the same model.</param>
    private static IServiceCollection Add(IServiceCollection services, string? key, Action<OptionsBuilder<SoftThinkingOptions>> configure)
    {
        configure(services.AddOptions<SoftThinkingOptions>(key).ValidateOnStart());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<SoftThinkingOptions>, SoftThinkingOptionsCheck>());
        if (Has(services, key))
            return services;
        services.AddKeyedSingleton(key, (provider, _) => new EngineLoader(ModelOf(provider, key).LoadAsync));
        services.AddSingleton<IHostedService>(provider => LoaderOf(provider, key));
        services.TryAddKeyedSingleton(key, (provider, _) => LoaderOf(provider, key).LoadAsync().GetAwaiter().GetResult());
        services.TryAddKeyedSingleton(key, (provider, _) => new SoftThinkingChatClient(LoaderOf(provider, key).LoadAsync, OptionsOf(provider, key).ModelName));
        services.TryAddKeyedSingleton<IChatClient>(key, (provider, _) => provider.GetRequiredKeyedService<SoftThinkingChatClient>(key));
        return services;
    }

    private static bool Has(IServiceCollection services, string? key) =>
        services.Any(service => service.ServiceType == typeof(EngineLoader) && Equals(service.ServiceKey, key));

    private static EngineLoader LoaderOf(IServiceProvider provider, string? key) => provider.GetRequiredKeyedService<EngineLoader>(key);

    private static SoftThinkingOptions OptionsOf(IServiceProvider provider, string? key) =>
        provider.GetRequiredService<IOptionsMonitor<SoftThinkingOptions>>().Get(key);

    private static EngineHealthCheck CheckOf(IServiceProvider provider, string? key) => new(
        provider.GetKeyedService<EngineLoader>(key)
        ?? throw new InvalidOperationException($"a health check is of the model {(key == null ? "without a key" : $"with the key \"{key}\"")}, which is not registered"));

    private static ConfiguredModel ModelOf(IServiceProvider provider, string? key)
    {
        ILoggerFactory loggers = provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance;
        return new ConfiguredModel(() => OptionsOf(provider, key), loggers.CreateLogger(nameof(SoftThinking)));
    }
}

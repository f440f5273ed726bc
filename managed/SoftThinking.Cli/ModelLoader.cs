using System.Diagnostics;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Loads a model, with a progress bar on a terminal if loading is slow.</summary>
internal static class ModelLoader
{
    /// <exception cref="OperationCanceledException">Canceled while loading.</exception>
    public static Engine Load(
        ModelChoice model, EngineOptions options, Terminal terminal, CancellationToken cancellation, out TimeSpan time)
    {
        Stopwatch clock = Stopwatch.StartNew();
        double done = 0;
        options = options with { LoadProgress = fraction => Volatile.Write(ref done, fraction) };
        Task<Engine> loading = Engine.LoadAsync(model.Path, options, cancellation);
        ProgressBar.ShowWhile(loading, terminal, () => ($"loading {model.Name}", Volatile.Read(ref done)));
        Engine engine = loading.GetAwaiter().GetResult();
        time = clock.Elapsed;
        ReportFastPrefill(engine, terminal);
        return engine;
    }

    /// <summary>Reports an option that has no effect.</summary>
    public static void ReportFastPrefill(Engine engine, Terminal terminal)
    {
        if (engine.FastPrefill() is { InEffect: false } fast)
            terminal.Error.WriteLine($"{CommonOptions.FastPrefill.Name} has no effect: {fast.Note}");
    }
}

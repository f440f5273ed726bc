using System.Diagnostics;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>Loads a model, with a progress bar where that takes long and somebody watches.</summary>
internal static class ModelLoader
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1), Refresh = TimeSpan.FromMilliseconds(100);

    /// <exception cref="OperationCanceledException">Cancelled while loading.</exception>
    public static Engine Load(
        GenerateSettings settings, Terminal terminal, GenerationRun run, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        double done = 0;
        EngineOptions options = settings.Engine with
        {
            LoadProgress = fraction =>
            {
                cancellation.ThrowIfCancellationRequested();
                Volatile.Write(ref done, fraction);
            },
        };
        Task<Engine> loading = Task.Run(() => Engine.Load(settings.Model, options), cancellation);
        if (terminal.StyleError && !Ended(loading, Patience))
            ShowProgress(settings, terminal, loading, () => Volatile.Read(ref done));
        Engine engine = loading.GetAwaiter().GetResult();
        run.Loaded(clock.Elapsed);
        return engine;
    }

    private static void ShowProgress(GenerateSettings settings, Terminal terminal, Task loading, Func<double> done) =>
        terminal.ErrorConsole.Progress().AutoClear(true).Start(progress =>
        {
            ProgressTask bar = progress.AddTask($"loading {Markup.Escape(settings.ModelName)}", maxValue: 1);
            while (!Ended(loading, Refresh))
            {
                bar.Value = done();
                bar.IsIndeterminate = bar.Value == 0; // memory comes before weights
            }
        });

    // Task.Wait would throw the error of the task, wrapped.
    private static bool Ended(Task task, TimeSpan limit) => ((IAsyncResult)task).AsyncWaitHandle.WaitOne(limit);
}

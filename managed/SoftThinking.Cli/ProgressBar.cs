using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>A progress bar on standard error, on a terminal, for slow work.</summary>
internal static class ProgressBar
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1), Refresh = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until the work has ended, successfully or not.</summary>
    /// <param name="now">Returns the current phase, and the fraction that is done, 0 to 1.</param>
    public static void ShowWhile(Task work, Terminal terminal, Func<(string Title, double Done)> now)
    {
        if (!terminal.StyleError || Ended(work, Patience))
        {
            Ended(work, Timeout.InfiniteTimeSpan);
            return;
        }
        terminal.ErrorConsole.Progress().AutoClear(true).Start(progress =>
        {
            ProgressTask bar = progress.AddTask(Markup.Escape(now().Title), maxValue: 1);
            do
            {
                (string title, double done) = now();
                bar.Description = Markup.Escape(title);
                bar.Value = done;
                bar.IsIndeterminate = done == 0; // allocating memory reports no progress
            }
            while (!Ended(work, Refresh));
        });
    }

    // Task.Wait would throw the task's error, wrapped.
    private static bool Ended(Task task, TimeSpan limit) => ((IAsyncResult)task).AsyncWaitHandle.WaitOne(limit);
}

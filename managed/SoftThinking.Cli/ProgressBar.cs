using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>A progress bar on standard error, at a terminal, when work takes long.</summary>
internal static class ProgressBar
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1), Refresh = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits for the end of work, however it ends.</summary>
    /// <param name="now">What is being done, and how much of it is done, 0 to 1.</param>
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
                bar.IsIndeterminate = done == 0; // memory comes before weights
            }
            while (!Ended(work, Refresh));
        });
    }

    // Task.Wait would throw the error of the task, wrapped.
    private static bool Ended(Task task, TimeSpan limit) => ((IAsyncResult)task).AsyncWaitHandle.WaitOne(limit);
}

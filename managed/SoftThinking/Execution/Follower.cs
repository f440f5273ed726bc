using System.Collections.Concurrent;

namespace SoftThinking.Execution;

/// <summary>Launches on one rank the steps that the first rank sends, and waits for each on a second thread, so that a step is launched
/// while the one before it is computed, and an error of the device is noticed at once.</summary>
/// <param name="fail">Called once if the rank fails, from either thread.</param>
internal sealed class Follower(LoadedModel model, Action<Exception> fail)
{
    /// <summary>Runs until there are no more steps, and all launched ones have ended.</summary>
    public void Run(IEnumerable<byte[]> messages)
    {
        using BlockingCollection<Step> launched = [];
        using SemaphoreSlim free = new(model.Steps.Length);
        Thread waiter = new(() => Wait(launched, free)) { Name = "SoftThinking rank: results", IsBackground = true };
        waiter.Start();
        try
        {
            int next = 0;
            foreach (byte[] message in messages)
            {
                free.Wait();
                Step step = model.Steps[next++ % model.Steps.Length];
                model.Runner.Launch(step, message);
                launched.Add(step);
            }
        }
        catch (Exception error)
        {
            fail(error);
        }
        launched.CompleteAdding();
        waiter.Join();
    }

    private void Wait(BlockingCollection<Step> launched, SemaphoreSlim free)
    {
        bool failed = false;
        foreach (Step step in launched.GetConsumingEnumerable())
        {
            try
            {
                if (!failed)
                    step.Done.Synchronize();
            }
            catch (Exception error)
            {
                failed = true;
                fail(error);
            }
            free.Release();
        }
    }
}

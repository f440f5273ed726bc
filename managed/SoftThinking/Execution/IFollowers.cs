namespace SoftThinking.Execution;

/// <summary>The ranks that do what the first one does.</summary>
internal interface IFollowers : IDisposable
{
    /// <summary>How long a rank waits for the others in a collective operation. Ranks compute equal parts of a step, so one that takes much
    /// longer hangs. Only tests set it.</summary>
    static TimeSpan TimeLimit { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Has every other rank launch a step; returns without waiting for it.</summary>
    /// <param name="step">From <see cref="StepMessage"/>; not changed afterwards.</param>
    /// <exception cref="BackendException">A rank failed; the message names it and the cause.</exception>
    void Send(byte[] step);

    /// <summary>Ends the wait of the ranks for each other, because this one failed.</summary>
    void Abort(string reason);
}

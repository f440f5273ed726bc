using SoftThinking.Execution;

/// <summary>The runtime looks for a class of this name, in no namespace, in the assembly that DOTNET_STARTUP_HOOKS names, and runs it
/// before the program: it shortens a wait that users cannot set.</summary>
internal static class StartupHook
{
    /// <summary>Seconds that a rank waits for the others.</summary>
    public const string Variable = "SOFTTHINKING_TEST_TIME_LIMIT";

    public static void Initialize() =>
        IFollowers.TimeLimit = TimeSpan.FromSeconds(double.Parse(
            Environment.GetEnvironmentVariable(Variable)!, System.Globalization.CultureInfo.InvariantCulture));
}

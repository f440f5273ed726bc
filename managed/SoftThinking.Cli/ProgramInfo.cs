using System.Reflection;

namespace SoftThinking.Cli;

/// <summary>Name and version of the program.</summary>
internal static class ProgramInfo
{
    /// <summary>The name in help and messages: the command that `dotnet tool install` creates.</summary>
    public const string Name = "softthinking";

    /// <summary>The version without the hash of the commit, which the build appends after a plus sign.</summary>
    public static string Version { get; } =
        typeof(ProgramInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}

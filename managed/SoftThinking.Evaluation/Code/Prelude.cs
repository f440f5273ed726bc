namespace SoftThinking.Evaluation.Code;

/// <summary>The imports that LiveCodeBench grants a program. Answers are written by models that were shown them.</summary>
internal static class Prelude
{
    private const string Modules =
        "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json "
        + "builtins typing";

    /// <summary>The program with the imports before it. One with imports from __future__ must begin with these.</summary>
    public static string Before(string code) => code.Contains("from __future__", StringComparison.Ordinal)
        ? code
        : string.Concat(Modules.Split(' ').Select(name => $"from {name} import *; "))
            + $"import {Modules.Replace(" ", ", ", StringComparison.Ordinal)}\n{code}";
}

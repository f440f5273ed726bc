namespace SoftThinking.Server.Wire;

/// <summary>Finds misspelled names.</summary>
internal static class Spelling
{
    private const int ShortestName = 4, MaxLength = 64;

    /// <summary>Whether one letter too many, too few, wrong, or two letters in the wrong order make a name another one.</summary>
    public static bool IsNear(string given, string known)
    {
        if (known.Length < ShortestName || given.Length > MaxLength || Math.Abs(given.Length - known.Length) > 1)
            return false;
        int start = given.AsSpan().CommonPrefixLength(known);
        ReadOnlySpan<char> restOfGiven = given.AsSpan(start), restOfKnown = known.AsSpan(start);
        if (given.Length > known.Length)
            return restOfGiven[1..].SequenceEqual(restOfKnown);
        if (given.Length < known.Length)
            return restOfKnown[1..].SequenceEqual(restOfGiven);
        if (restOfGiven.Length == 0)
            return false;
        bool swapped = restOfGiven.Length > 1 && restOfGiven[0] == restOfKnown[1] && restOfGiven[1] == restOfKnown[0]
            && restOfGiven[2..].SequenceEqual(restOfKnown[2..]);
        return swapped || restOfGiven[1..].SequenceEqual(restOfKnown[1..]);
    }
}

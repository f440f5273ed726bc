using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Fixed points at which expressions are compared.</summary>
internal static class Points
{
    /// <summary>
    /// The point of an index: small rationals, of which some are below 1 and some negative. For factorials they are
    /// integers, which decrease with the names as in n and k about as often as they increase.
    /// </summary>
    public static IReadOnlyDictionary<string, Fraction> At(int index, IEnumerable<string> variables, bool integers)
    {
        Dictionary<string, Fraction> point = new(StringComparer.Ordinal);
        // A linear congruential generator with the constants of Numerical Recipes.
        uint state = (uint)((index * 7919) + 12345);
        foreach (string name in variables)
        {
            if (name == Constants.Sign)
            {
                point[name] = Fraction.One;
                continue;
            }
            state = (state * 1664525) + 1013904223;
            int top = 2 + (int)((state >> 8) % 89);
            state = (state * 1664525) + 1013904223;
            int bottom = integers ? 1 : 2 + (int)((state >> 8) % 61);
            if (index % 4 == 1 && !integers)
                (top, bottom) = (Math.Min(top, bottom), Math.Max(top, bottom) + 1);
            point[name] = new Fraction(index % 4 == 3 && !integers ? -top : integers ? top % 23 : top, bottom);
        }
        return point;
    }
}

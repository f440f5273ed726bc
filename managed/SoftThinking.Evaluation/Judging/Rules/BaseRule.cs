using System.Globalization;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Numbers with their base: it may be missing, it may not differ, and nothing is converted.</summary>
internal static class BaseRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b) => (a, b) switch
    {
        (BaseNode x, BaseNode y) => x.Base == y.Base && x.Digits.TrimStart('0') == y.Digits.TrimStart('0'),
        (BaseNode number, _) => EqualDigits(number, b),
        (_, BaseNode number) => EqualDigits(number, a),
        _ => null,
    };

    private static bool EqualDigits(BaseNode number, Node other)
        => other is NumberNode { IsDecimal: false, Value: var value } && value.Denominator.IsOne
            && value.Numerator.ToString(CultureInfo.InvariantCulture) == number.Digits.TrimStart('0');
}

using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Properties of the judge on random answers.</summary>
public sealed class MathJudgePropertyTests
{
    private static readonly Config Quick = Config.QuickThrowOnFailure.WithMaxTest(60).WithReplay(20260101, 17);

    private static readonly Gen<int> Small = Gen.Choose(-30, 30);

    [Test]
    public void AFactoredPolynomialEqualsItsExpansionAndNoOther() => Check.One(Quick, Prop.ForAll(
        (from a in Small
         from b in Small
         from c in Small
         from d in Gen.Choose(1, 9)
         select (a, b, c, d)).ToArbitrary(),
        roots =>
        {
            var (a, b, c, d) = roots;
            var factored = $"{d}(x-{Signed(a)})(x-{Signed(b)})(x-{Signed(c)})";
            long second = -d * (a + b + c), first = d * ((a * b) + (a * c) + (b * c)), last = -d * a * b * c;
            return Equal(factored, $"{d}x^3+{Signed(second)}x^2+{Signed(first)}x+{Signed(last)}")
                && !Equal(factored, $"{d}x^3+{Signed(second)}x^2+{Signed(first + 1)}x+{Signed(last)}")
                && !Equal(factored, $"{d}x^3+{Signed(second)}x^2+{Signed(first)}x+{Signed(last - 1)}");
        }));

    [Test]
    public void ARationalHasManySpellings() => Check.One(Quick, Prop.ForAll(
        (from top in Gen.Choose(1, 999)
         from bottom in Gen.Choose(2, 99)
         from factor in Gen.Choose(1, 9)
         select (top, bottom, factor)).ToArbitrary(),
        number =>
        {
            var (top, bottom, factor) = number;
            string[] spellings =
            [
                $"{top}/{bottom}",
                $"\\frac{{{top}}}{{{bottom}}}",
                $"\\dfrac{{{top * factor}}}{{{bottom * factor}}}",
                $"-\\frac{{-{top}}}{{{bottom}}}",
                $"{top} \\cdot {bottom}^{{-1}}",
                $"\\sqrt{{\\frac{{{top * top}}}{{{bottom * bottom}}}}}",
                top > bottom && top % bottom != 0 ? $"{top / bottom}\\frac{{{top % bottom}}}{{{bottom}}}" : $"{top} / {bottom}",
            ];
            return spellings.All(a => spellings.All(b => Equal(a, b)))
                && spellings.All(a => !Equal(a, $"\\frac{{{top + 1}}}{{{bottom}}}"));
        }));

    [Test]
    public void SquareRootsAreReducedAndRationalized() => Check.One(Quick, Prop.ForAll(
        (from outside in Gen.Choose(1, 40)
         from inside in Gen.Choose(2, 200)
         from other in Gen.Choose(1, 40)
         select (outside, inside, other)).ToArbitrary(),
        surd =>
        {
            var (outside, inside, other) = surd;
            var sum = $"{other}+{outside}\\sqrt{{{inside}}}";
            var difference = (other * other) - (outside * outside * inside);
            return Equal($"\\sqrt{{{outside * outside * inside}}}+{other}", sum)
                && !Equal($"\\sqrt{{{(outside * outside * inside) + 1}}}+{other}", sum)
                && (difference == 0 || Equal($"\\frac{{1}}{{{sum}}}", $"\\frac{{{other}-{outside}\\sqrt{{{inside}}}}}{{{difference}}}"));
        }));

    [Test]
    public void DecimalsOfSixPlacesApproximateAndShorterOnesDoNot() => Check.One(Quick, Prop.ForAll(
        (from top in Gen.Choose(1, 5000)
         from bottom in Gen.Elements(3, 7, 11, 13, 17, 19, 23, 29)
         where top % bottom != 0
         select (top, bottom)).ToArbitrary(),
        number =>
        {
            var (top, bottom) = number;
            var value = (decimal)top / bottom;
            return Equal(value.ToString("F9", CultureInfo.InvariantCulture), $"\\frac{{{top}}}{{{bottom}}}")
                && !Equal(value.ToString("F2", CultureInfo.InvariantCulture), $"\\frac{{{top}}}{{{bottom}}}");
        }));

    [Test]
    public void ListsAndSetsHaveNoOrderAndTuplesHave() => Check.One(Quick, Prop.ForAll(
        Small.ListOf(4).Where(items => items.Distinct().Count() == 4).ToArbitrary(),
        items =>
        {
            var forward = string.Join(", ", items);
            var backward = string.Join(", ", Enumerable.Reverse(items));
            return Equal($"\\{{{forward}\\}}", $"\\{{{backward}\\}}") && Equal(forward, backward) && Equal(backward, $"\\{{{forward}\\}}")
                && !Equal($"({forward})", $"({backward})") && Equal($"({forward})", $"\\left({forward}\\right)");
        }));

    [Test]
    public void EquivalenceIsSymmetric()
    {
        string[] answers =
        [
            "5", "5.0", "x=5", "x=6", "5\\%", "0.05", "5\\text{ cm}", "5^\\circ", "\\{5\\}", "\\frac{10}{2}", "(1,2)", "[1,2]", "1<x<2",
            "1,2", "2,1", "x=1,y=2", "\\{1,2\\}", "1:2", "\\frac12", "0.5", "\\pm 1", "1,-1", "\\text{five}", "east", "\\infty", "101_2",
            "101", "x^2", "x\\cdot x", "\\sqrt{x^2}", "|x|", "y=2x", "2x", "2x-y=0", "x<5", "(-\\infty,5)", "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        ];
        foreach (var a in answers)
        {
            foreach (var b in answers)
                Assert.That(Equal(a, b), Is.EqualTo(Equal(b, a)), $"{a} | {b}");
        }
    }

    /// <summary>Commas are decimal points in German, and the small letter of I has no dot in Turkish.</summary>
    [TestCase("de-DE")]
    [TestCase("tr-TR")]
    public void VerdictsDoNotDependOnTheCulture(string culture)
    {
        (string Answer, string Reference)[] pairs =
        [
            ("1.5", "\\frac32"), ("1,500", "1500"), ("12.75", "12,75"), ("\\text{IN THE MIDDLE}", "in the middle"), ("0.333333", "1/3"),
            ("-3", "−3"), ("5 INCHES", "5 \\text{ inches}"), ("TITLE", "title"), ("1.5e-3", "0.0015"), ("\\{-1, 2\\}", "2, -1"),
        ];
        var before = CultureInfo.CurrentCulture;
        var expected = pairs.Select(pair => MathJudge.Judge(pair.Answer, pair.Reference)).ToList();
        Assert.That(expected.Select(verdict => verdict.Outcome), Has.All.EqualTo(Outcome.Correct));
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo(culture);
            Assert.That(pairs.Select(pair => MathJudge.Judge(pair.Answer, pair.Reference)), Is.EqualTo(expected));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string Signed(long value) => $"({value.ToString(CultureInfo.InvariantCulture)})";

    private static bool Equal(string a, string b) => MathJudge.Compare(a, b).Equal;
}

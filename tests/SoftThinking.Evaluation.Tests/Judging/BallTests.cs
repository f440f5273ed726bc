using Fractions;
using NUnit.Framework;
using SoftThinking.Evaluation.Judging;
using SoftThinking.Evaluation.Judging.Algebra;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Arithmetic with error bounds.</summary>
public sealed class BallTests
{
    private const string PiDigits = "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798";
    private const string EDigits = "2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138217852516642743";
    private const string LogTwoDigits = "0.69314718055994530941723212145817656807550013436025525412068000949339362196969471560586332699641868754";

    [TestCase("\\pi", PiDigits)]
    [TestCase("e", EDigits)]
    [TestCase("\\ln 2", LogTwoDigits)]
    [TestCase("4\\arctan 1", PiDigits)]
    [TestCase("6\\arcsin 0.5", PiDigits)]
    [TestCase("e^{1/2}e^{1/2}", EDigits)]
    [TestCase("-\\ln\\frac12", LogTwoDigits)]
    [TestCase("\\ln 200-\\ln 100", LogTwoDigits)]
    [TestCase("\\pi\\cos(100\\pi)", PiDigits)]
    public void ConstantsHoldTheirDigits(string expression, string digits)
    {
        var value = Evaluate(expression, 400);
        var distance = (value.Middle() - NumberScanner.Value(digits)).Abs();
        Assert.That(distance < new Fraction(1, System.Numerics.BigInteger.Pow(10, 98)), expression);
        Assert.That(value.Error, Is.LessThan(-330));
    }

    /// <summary>The bound of a coarse value must reach the value that is computed finely.</summary>
    [TestCase("\\sin 3")]
    [TestCase("\\cos(1000)")]
    [TestCase("\\tan 1.5707")]
    [TestCase("\\ln 0.0001")]
    [TestCase("\\ln(1+10^{-20})")]
    [TestCase("\\sqrt{2}-\\sqrt{2+10^{-20}}")]
    [TestCase("e^{30}-e^{-30}")]
    [TestCase("\\frac{1}{\\pi-3.14159265358979}")]
    [TestCase("\\arctan 100")]
    [TestCase("\\arctan 0.999")]
    [TestCase("\\arccos(-0.3)")]
    [TestCase("2^{\\sqrt{2}}")]
    [TestCase("(\\sqrt{3}+\\pi)^{40}")]
    [TestCase("e^{-40}\\sin(e^3)")]
    public void BoundsHold(string expression)
    {
        var coarse = Evaluate(expression, 128);
        var fine = Evaluate(expression, 700);
        var distance = (coarse.Middle() - fine.Middle()).Abs();
        var bound = Ball.Rounded(1, coarse.Error, Ball.Nothing, 10).Middle();
        Assert.That(distance <= bound, $"2^{coarse.Error}");
        Assert.That(coarse.Error - coarse.Magnitude, Is.LessThan(-20), "The bound is of use.");
    }

    private static Ball Evaluate(string expression, int precision)
    {
        var node = Parser.Parse(expression, new Interpretation(CommaReading.Thousands, DecimalLogarithm: false));
        return new BallEvaluator(new Dictionary<string, Fraction>(), precision, new Budget()).Evaluate(node)!.Value.Re;
    }
}

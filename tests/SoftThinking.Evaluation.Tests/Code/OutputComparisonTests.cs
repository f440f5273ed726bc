using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

[TestFixture]
public sealed class OutputComparisonTests
{
    [TestCase("3\n", "3")]
    [TestCase("3\r\n4 5\r\n", "3 \n4 5\n\n")]
    [TestCase("", "\n")]
    [TestCase("1.0 2", "1 2.00")]
    [TestCase("0", "-0.0")]
    [TestCase("1e3", "1000")]
    [TestCase(".5", "0.50")]
    [TestCase("100000000000000000000000000000000000000001", "100000000000000000000000000000000000000001.0")]
    [TestCase("Yes 1", "Yes 1.0")]
    [TestCase("1  2", "1 2")]
    public void TheSameOutput(string expected, string output) => Assert.That(OutputComparison.Difference(expected, output), Is.Null);

    [TestCase("3", "4", "line 1 is \"4\", expected \"3\"")]
    [TestCase("3\n4", "3", "1 lines of output instead of 2")]
    [TestCase("3\n\n4", "3\n4", "2 lines of output instead of 3")]
    [TestCase("0.333333", "0.3333333", "line 1 is \"0.3333333\", expected \"0.333333\"")]
    [TestCase("Yes", "yes", "line 1 is \"yes\", expected \"Yes\"")]
    [TestCase("1 2", "12", "line 1 is \"12\", expected \"1 2\"")]
    [TestCase("12", "1 2", "line 1 is \"1 2\", expected \"12\"")]
    [TestCase("1", "-1", "line 1 is \"-1\", expected \"1\"")]
    [TestCase("1e5", "1e99999999999", "line 1 is \"1e99999999999\", expected \"1e5\"")]
    [TestCase(".", "0", "line 1 is \"0\", expected \".\"")]
    [TestCase("10", "1", "line 1 is \"1\", expected \"10\"")]
    public void AnotherOutput(string expected, string output, string difference) =>
        Assert.That(OutputComparison.Difference(expected, output), Is.EqualTo(difference));
}

using System.Text;
using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Random texts made of the pieces of answers: whatever they are, they get a verdict and no exception.</summary>
public sealed class GarbledAnswerTests
{
    private static readonly string[] Pieces = (
        "\\frac { } ( ) [ ] \\{ \\} 1 2 30 0 7.5 .5 , ; : = < > \\le \\ge \\ne \\approx \\in \\cup \\setminus + - * / ^ _ ! ' | & \\\\ \\pm \\mp "
        + "x y n i e m \\pi \\infty \\mathbb{R} \\emptyset \\sin \\ln \\log \\tan^{-1} \\sqrt \\sqrt[3] \\binom \\lfloor \\rfloor \\text{cm} \\text{and} or "
        + "\\text{two} yes km/h % ^\\circ \\$ f( \\begin{pmatrix} \\end{pmatrix} \\left \\right \\boxed{ \\overline{ AB 1,000 1,22 2_8 0.\\overline{3} 1/0 0^0 ½ ² . $").Split(' ');

    private static readonly string[] References =
        ["3", "\\frac12", "x^2+1", "(1,2]", "\\{1,2\\}", "x<3", "y=2x", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", "5\\text{ cm}", "1\\pm\\sqrt2", "1:2", "12_8", "east"];

    [Test]
    public void EveryTextHasAVerdict()
    {
        var random = new Random(20260101);
        for (var i = 0; i < 6_000; i++)
        {
            var text = new StringBuilder();
            for (var length = random.Next(1, 14); length > 0; length--)
                text.Append(Pieces[random.Next(Pieces.Length)]).Append(random.Next(3) == 0 ? " " : "");
            var reference = i % 3 == 0 ? text.ToString() : References[random.Next(References.Length)];
            Assert.That(() => MathJudge.Compare(text.ToString(), reference), Throws.Nothing, $"'{text}' against '{reference}'");
            Assert.That(() => MathJudge.Judge(text.ToString(), reference), Throws.Nothing, text.ToString());
            Assert.That(() => ChoiceJudge.Judge(text.ToString(), "A"), Throws.Nothing, text.ToString());
        }
    }
}

using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Matrices and vectors.</summary>
public sealed class MatrixAnswersTests
{
    [TestCase("\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", true)]
    [TestCase("\\begin{bmatrix}1&2\\end{bmatrix}", "\\begin{bmatrix}1\\\\2\\end{bmatrix}", false)]
    [TestCase("\\frac{1}{7}\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1/7&2/7\\\\3/7&4/7\\end{pmatrix}", true)]
    [TestCase("\\begin{cases} x=1 \\\\ y=2 \\end{cases}", "(1,2)", true)]
    [TestCase("\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}", "\\begin{pmatrix} 1 & 0 \\\\ 0 & -1 \\end{pmatrix}", false)]
    [TestCase("\\begin{bmatrix} 0.5 \\\\ 1 \\end{bmatrix}", "\\begin{pmatrix} 1/2 \\\\ 1 \\end{pmatrix}", true)]
    [TestCase("[1, 2, 3]", "\\begin{pmatrix} 1 \\\\ 2 \\\\ 3\\end{pmatrix}", true)]
    [TestCase("A = \\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", true)]
    [TestCase("[[1,2],[3,4]]", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", true)]
    [TestCase("\\left(\\begin{array}{c}1\\\\2\\end{array}\\right)", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", true)]
    [TestCase("\\begin{pmatrix} 2 & 1 \\end{pmatrix}", "(2,1)", true)]
    [TestCase("\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", "\\begin{bmatrix}1&0\\\\0&1\\end{bmatrix}", true)]
    [TestCase("\\begin{pmatrix}\\frac12\\\\-1\\end{pmatrix}", "\\begin{pmatrix}0.5\\\\-1\\end{pmatrix}", true)]
    [TestCase("\\left[\\begin{matrix}1\\\\2\\end{matrix}\\right]", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", true)]
    [TestCase("\\begin{pmatrix}1\\\\2\\end{pmatrix}^T", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", false)]
    [TestCase("\\mathbf{a} = \\langle 1,2\\rangle", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", true)]
    public void IsJudged(string answer, string reference, bool correct)
        => Assert.That(MathJudge.Judge(answer, reference).Outcome == Outcome.Correct, Is.EqualTo(correct));
}

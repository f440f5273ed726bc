using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

[TestFixture]
public sealed class CodeExtractorTests
{
    [TestCase("```python\na\n```", "a\n")]
    [TestCase("```py\na\n```", "a\n")]
    [TestCase("```Python3\na\n```\nDone.", "a\n")]
    [TestCase("```python title=x\na\n```", "a\n")]
    [TestCase("``` python\r\na\r\nb\r\n```\r\n", "a\nb\n")]
    [TestCase("~~~python\na\n```\nb\n~~~", "a\n```\nb\n")]
    [TestCase("```\na\n```", "a\n")]
    [TestCase("text ```python\na\n```", null, Description = "a fence stands at the start of a line; the other is empty")]
    [TestCase("```python\na\n```\n```python\nb\n```", "b\n", Description = "the last")]
    [TestCase("```python\na\n```\nOutput:\n```\n5\n```", "a\n", Description = "a mark beats none")]
    [TestCase("```python\na\n```\n```cpp\nint\n```\n```json\n{}\n```", "a\n", Description = "other languages")]
    [TestCase("```\na\n```\n```\nb\n```", "b\n")]
    [TestCase("```python\na\n```\n```python\nb", "a\n", Description = "a complete block beats one that was cut")]
    [TestCase("Sure.\n```python\na\nb", "a\nb\n", Description = "cut, and the only one")]
    [TestCase("```\n5\n```\n```python\na", "a\n")]
    [TestCase("````markdown\n```python\na\n```\n````", "a\n", Description = "a block in a block")]
    [TestCase("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''\n")]
    [TestCase("1. Do\n   ```python\n   def f():\n       pass\n   ```\n", "def f():\n    pass\n", Description = "in a list")]
    [TestCase("```python\n```python\na\n```", "```python\na\n")]
    [TestCase("no code", null)]
    [TestCase("", null)]
    [TestCase("```python\n\n```", null)]
    [TestCase("```cpp\nint\n```", null)]
    [TestCase("``\na\n``", null)]
    [TestCase("``` a`b\nx", null, Description = "no fence has a backtick in its info")]
    public void TheLastPythonBlockIsFound(string answer, string? code) =>
        Assert.That(CodeExtractor.Extract(answer), Is.EqualTo(code));

    [Test]
    public void HostileAnswersCostLittle()
    {
        string fences = string.Concat(Enumerable.Repeat("```markdown\n", 100_000));
        Assert.That(CodeExtractor.Extract(fences), Is.Null);
        Assert.That(CodeExtractor.Extract(new string('`', 2_000_000)), Is.Null);
        string nested = string.Concat(Enumerable.Range(0, 2000).Reverse().Select(i => new string('`', i + 3) + "md\n"));
        Assert.That(CodeExtractor.Extract(nested), Is.Null);
    }
}

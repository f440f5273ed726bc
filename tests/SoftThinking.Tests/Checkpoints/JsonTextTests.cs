using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Files;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>The reader that all JSON files of a model share.</summary>
internal sealed class JsonTextTests
{
    [TestCase("", "is broken JSON: it ends too early, at line 1, column 1")]
    [TestCase("{\"a\": 1", "is broken JSON: it ends too early, at line 1, column 8")]
    [TestCase("{\n \"a\": 1,\n \"é\": x}", "is broken JSON at line 3, column 7")]
    [TestCase("{\"a\": [1 2]}", "is broken JSON at line 1, column 10")]
    [TestCase("{}{}", "is broken JSON at line 1, column 3")]
    [TestCase("{\"a\": 1,}", "is broken JSON at line 1, column 9")]
    [TestCase("{\"a\":{\"b\":1,\n\"b\":2}}", "is broken JSON: the key 'b' occurs twice (a duplicate), at line 2, column 1")]
    [TestCase("{\"a\":1, \"\\u0061\":2}", "is broken JSON: the key 'a' occurs twice (a duplicate), at line 1, column 9")]
    [TestCase("[{\"\\ud800\": 1}]", "is broken JSON: a key is not valid Unicode (half of a surrogate pair), at line 1, column 3")]
    [TestCase("[NaN, NaNa]", "is broken JSON at line 1, column 10")]
    [TestCase("[-NaN]", "is broken JSON at line 1, column 3")]
    [TestCase("{Infinity: 1}", "is broken JSON at line 1, column 2")]
    [TestCase("{\"a\": 1, NaN : 1}", "is broken JSON at line 1, column 10")]
    public void What_is_wrong_is_said_in_plain_words(string text, string expected) =>
        Assert.That(() => Parse(text), Throws.InstanceOf<FormatException>().With.Message.EqualTo(expected));

    [Test]
    public void Depth_is_limited()
    {
        Assert.That(Parse(new string('[', 64) + new string(']', 64)).ValueKind, Is.EqualTo(JsonValueKind.Array));
        Assert.That(() => Parse(new string('[', 65) + new string(']', 65)), Throws.InstanceOf<FormatException>()
            .With.Message.Contains("nested more than 64 levels deep"));
    }

    [Test]
    public void Numbers_of_Python_are_read_where_a_value_may_stand()
    {
        JsonElement list = Parse("\uFEFF[NaN, Infinity ,-Infinity, \"NaN\", \"a\\\"NaN\", 1]");
        Assert.That(list.EnumerateArray().Select(PythonNumbers.ValueOf), Is.EqualTo(
            new double?[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, null, null, null }));
        Assert.That(list.EnumerateArray().Select(JsonText.Show).Take(4), Is.EqualTo(new[] { "NaN", "Infinity", "-Infinity", "'\"NaN\"'" }));
        // Texts that no file has but by intent are no numbers: the mark cannot be written with an escape.
        Assert.That(PythonNumbers.ValueOf(Parse("[\"\\u007f\", NaN]")[0]), Is.Null);
    }

    [Test]
    public void Text_that_is_not_UTF8_is_refused() =>
        Assert.That(() => JsonText.Parse((byte[])[(byte)'"', 0xFF, (byte)'"']), Throws.InstanceOf<FormatException>().With.Message.Contains("not UTF-8"));

    private static JsonElement Parse(string text)
    {
        using JsonDocument document = JsonText.Parse(Encoding.UTF8.GetBytes(text));
        return document.RootElement.Clone();
    }
}

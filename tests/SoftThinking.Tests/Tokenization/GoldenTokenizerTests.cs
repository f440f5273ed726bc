using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Tokenization;

/// <summary>The same ids and texts as Hugging Face's tokenizers, for every tokenizer that the golden data
/// holds.</summary>
[TestFixture]
[Category("Golden")]
public class GoldenTokenizerTests
{
    private sealed record Case(string Text, int[] Ids, int SpecialPrefix, string Decoded, string DecodedSkipSpecial);

    /// <summary>The second kind is made by tests/data/tokenizer-steps/make.mjs.</summary>
    private static readonly string[] Kinds = ["tokenizer", "tokenizer-steps"];

    private static IEnumerable<string> Folders() =>
        Kinds.SelectMany(kind => TestData.FindGolden(kind) is { } root
            ? Directory.GetDirectories(root).Order().Select(folder => $"{kind}/{Path.GetFileName(folder)}")
            : [$"{kind}/(none)"]);

    [TestCaseSource(nameof(Folders))]
    public void Tokenizer_EncodesAsHuggingFace(string folder)
    {
        (Tokenizer tokenizer, List<Case> cases) = Open(folder);
        var wrong = new StringBuilder();
        foreach (Case expected in cases)
        {
            int[] ids = tokenizer.Encode(expected.Text, addSpecialTokens: false);
            int[] withSpecial = tokenizer.Encode(expected.Text, addSpecialTokens: true);
            if (!ids.AsSpan().SequenceEqual(expected.Ids))
                wrong.AppendLine($"'{expected.Text}': {string.Join(' ', ids)}, not {string.Join(' ', expected.Ids)}");
            if (!withSpecial.AsSpan(expected.SpecialPrefix).SequenceEqual(expected.Ids))
                wrong.AppendLine($"'{expected.Text}' with special tokens: {string.Join(' ', withSpecial)}");
            if (withSpecial.Take(expected.SpecialPrefix).Any(id => !tokenizer.IsSpecial(id)))
                wrong.AppendLine($"'{expected.Text}': the prefix is no special token");
        }
        Assert.That(wrong.ToString(), Is.Empty);
    }

    [TestCaseSource(nameof(Folders))]
    public void Tokenizer_DecodesAsHuggingFace(string folder)
    {
        (Tokenizer tokenizer, List<Case> cases) = Open(folder);
        using (Assert.EnterMultipleScope())
        {
            foreach (Case expected in cases)
            {
                string whole = tokenizer.Decode(expected.Ids, skipSpecialTokens: false);
                string withoutSpecial = tokenizer.Decode(expected.Ids, skipSpecialTokens: true);
                Assert.That(whole, Is.EqualTo(expected.Decoded));
                Assert.That(withoutSpecial, Is.EqualTo(expected.DecodedSkipSpecial));
            }
        }
    }

    /// <summary>After a line break, whose byte merges with nothing, and without added tokens, after which Hugging Face's may put a space, too.
    /// The text of a byte token is that token where <c>ignore_merges</c> is set and nothing is before it.</summary>
    [TestCaseSource(nameof(Folders))]
    public void EncodeContinuation_ReturnsWhatHuggingFaceGivesInTheMiddleOfAText(string folder)
    {
        (Tokenizer tokenizer, List<Case> cases) = Open(folder);
        bool overBytes = tokenizer.Kind == "byte-level BPE";
        int? line = tokenizer.TokenId("<0x0A>");
        if (!overBytes && line == null)
            Assert.Ignore("without byte fallback no token ends a line");
        foreach (Case expected in cases)
        {
            if (overBytes)
                Assert.That(tokenizer.EncodeContinuation(expected.Text), Is.EqualTo(expected.Ids), expected.Text);
            else if (expected.Text != "<0x41>" && !tokenizer.AddedTokens.Any(token => expected.Text.Contains(token.Content, StringComparison.Ordinal)))
            {
                int[] ids = tokenizer.Encode("\n" + expected.Text, addSpecialTokens: false);
                Assert.That(tokenizer.EncodeContinuation(expected.Text), Is.EqualTo(ids[(Array.IndexOf(ids, line!.Value) + 1)..]), expected.Text);
            }
        }
    }

    [TestCaseSource(nameof(Folders))]
    public void StreamingDecoder_ReturnsTheSameTextInParts(string folder)
    {
        (Tokenizer tokenizer, List<Case> cases) = Open(folder);
        using (Assert.EnterMultipleScope())
        {
            foreach (Case expected in cases)
            {
                string whole = Stream(tokenizer, expected.Ids, skipSpecial: false);
                string withoutSpecial = Stream(tokenizer, expected.Ids, skipSpecial: true);
                Assert.That(whole, Is.EqualTo(expected.Decoded));
                Assert.That(withoutSpecial, Is.EqualTo(expected.DecodedSkipSpecial));
            }
        }
    }

    private static string Stream(Tokenizer tokenizer, int[] ids, bool skipSpecial)
    {
        var decoder = new StreamingDecoder(tokenizer, skipSpecial, startsText: true);
        string text = string.Concat(ids.Select(decoder.Append));
        return text + decoder.Flush();
    }

    private static (Tokenizer Tokenizer, List<Case> Cases) Open(string folder)
    {
        string[] names = folder.Split('/');
        if (TestData.FindGolden(names[0]) is not { } root)
        {
            Assert.Ignore("no golden data for tokenizers: set SOFTTHINKING_GOLDEN or SOFTTHINKING_SHARED");
            throw new InvalidOperationException("Assert.Ignore returned");
        }
        string path = Path.Combine(root, names[1]);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(path, "cases.json")));
        List<Case> cases = [.. document.RootElement.EnumerateArray().Select(entry => new Case(
            entry.GetProperty("text").GetString()!,
            [.. entry.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())],
            entry.GetProperty("special_prefix").GetInt32(),
            entry.GetProperty("decoded").GetString()!,
            entry.GetProperty("decoded_skip_special").GetString()!))];
        Assert.That(cases, Is.Not.Empty, "cases.json holds no cases");
        return (Tokenizer.Load(path), cases);
    }
}

using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Tests.Reporting;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Evaluation.Tests.Results;

public class ResultLogTests
{
    private TempFolder _folder = null!;
    private string _path = null!;

    [SetUp]
    public void CreateFolder()
    {
        _folder = new TempFolder();
        _path = _folder.File("soft-seed0.jsonl");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    private static ItemResult Item(int index, bool correct = true) => Example.Item(index, Example.Sample(correct), Example.Sample(!correct, seed: 1));

    private static ItemResult FailedItem(int index) => Example.Item(index, Example.Sample(true), SampleResult.Failed(1, 1, "down")[0]);

    [Test]
    public void WhatIsAppended_IsThereWhenTheLogIsOpenedAgain()
    {
        ItemResult item = Item(3) with
        {
            Groups = new Dictionary<string, string> { ["terms"] = "2" },
            OptionOrder = "CADB",
            Samples =
            [
                Example.Sample(true) with
                {
                    Answer = "π\u2028\n\"</x>",
                    Mixtures = 3,
                    MeanEntropy = 0.1 + 0.2,
                    Seed = ulong.MaxValue,
                    ModelVerdict = new Verdict(Outcome.Undecided, "model") { Note = "why" },
                    Trace = [new TracedToken("a", 0.1f, true, [new TracedEntry(5, "b", 0.7f)])],
                },
            ],
        };
        using (ResultLog log = ResultLog.Open(_path))
        {
            log.Append(item);
            log.Append(Item(1));
        }
        using ResultLog again = ResultLog.Open(_path);
        Assert.Multiple(() =>
        {
            Assert.That(again.Items.Select(read => read.Index), Is.EqualTo(new[] { 1, 3 }));
            Assert.That(again.BrokenLines, Is.Zero);
            Assert.That(again.Has(1) && again.Has(3) && !again.Has(2), Is.True);
            Assert.That(Json(again.Items[1]), Is.EqualTo(Json(item)));
        });
        again.Dispose();
        Assert.That(File.ReadAllLines(_path), Has.Length.EqualTo(2), "one line an item");
    }

    [Test]
    public void AnItemWithAFailedSample_RunsAgain_AndThenCountsOnce()
    {
        using (ResultLog log = ResultLog.Open(_path))
        {
            log.Append(FailedItem(0));
            log.Append(Item(1));
        }
        using (ResultLog log = ResultLog.Open(_path))
        {
            Assert.That(log.Has(0), Is.False);
            Assert.That(log.Items, Has.Count.EqualTo(2), "until then the failure is reported");
            log.Append(Item(0));
            Assert.That(log.Has(0), Is.True);
        }
        Assert.That(ResultLog.Read(_path).Select(Json), Is.EqualTo(new[] { Json(Item(0)), Json(Item(1)) }));
    }

    private static string Line(Func<string, string>? change = null)
    {
        string line = Json(Item(7));
        string changed = change?.Invoke(line) ?? line;
        Assert.That(change == null || changed != line, "the case changes the line");
        return changed;
    }

    public static IEnumerable<TestCaseData> BrokenLines()
    {
        yield return new TestCaseData(Line()[..40]).SetArgDisplayNames("cut");
        yield return new TestCaseData("\0\0\0garbage").SetArgDisplayNames("garbage");
        yield return new TestCaseData("null").SetArgDisplayNames("null");
        yield return new TestCaseData("[]").SetArgDisplayNames("array");
        yield return new TestCaseData("{}").SetArgDisplayNames("empty object");
        yield return new TestCaseData("{\"idx\":1,\"completion\":[\"x\"]}").SetArgDisplayNames("published form");
        yield return Changed("negative tokens", "\"thinking_tokens\":6", "\"thinking_tokens\":-6");
        yield return Changed("tokens overflow", "\"thinking_tokens\":6", "\"thinking_tokens\":2147483647");
        yield return Changed("token count that is text", "\"thinking_tokens\":6", "\"thinking_tokens\":\"6\"");
        yield return Changed("negative index", "\"index\":7", "\"index\":-7");
        yield return Changed("index out of range", "\"index\":7", "\"index\":70000000000");
        yield return Changed("a key twice", "\"index\":7", "\"index\":7,\"index\":8");
        yield return Changed("a key of the reference twice", "\"reference\":\"5\"", "\"reference\":{\"a\":1,\"a\":2}");
        yield return Changed("half a character in the reference", "\"reference\":\"5\"", "\"reference\":\"\\ud800\"");
        yield return Changed("half a character in the answer", "The answer is 5.", "\\udc00");
        yield return Changed("no reference", "\"reference\":\"5\"", "\"reference\":null");
        yield return Changed("reference of another kind", "\"reference\":\"5\"", "\"reference\":[5]");
        yield return Changed("unknown outcome", "\"Correct\"", "99");
        yield return Changed("outcome of another name", "\"Correct\"", "\"Right\"");
        yield return Changed("infinite entropy", "\"finish_reason\"", "\"mean_entropy\":1e999,\"finish_reason\"");
        yield return Changed("trace of nothing", "\"finish_reason\"", "\"trace\":[null],\"finish_reason\"");
        yield return Changed("group without a value", "\"groups\":{}", "\"groups\":{\"a\":null}");
        yield return Changed("no groups", "\"groups\":{},", "");
        yield return Changed("no verdict", "\"verdict\"", "\"verdicts\"");
        yield return new TestCaseData("{\"index\":7,\"question\":\"Q\",\"reference\":\"5\",\"samples\":[]}").SetArgDisplayNames("no samples");
        yield return new TestCaseData("{\"index\":7,\"question\":\"Q\",\"reference\":\"5\",\"samples\":[null]}").SetArgDisplayNames("null sample");
        yield return new TestCaseData(new string('[', 10_000)).SetArgDisplayNames("nested");
    }

    private static TestCaseData Changed(string name, string from, string to) =>
        new TestCaseData(Line(line => line.Replace(from, to, StringComparison.Ordinal))).SetArgDisplayNames(name);

    [TestCaseSource(nameof(BrokenLines))]
    public void ABrokenLine_IsSetAside_AndNothingElseIsLost(string broken)
    {
        string first = Json(Item(0)), last = Json(Item(2));
        File.WriteAllText(_path, $"{first}\n{broken}\n{last}\n");
        using (ResultLog log = ResultLog.Open(_path))
        {
            Assert.That(log.BrokenLines, Is.EqualTo(1));
            Assert.That(log.Items.Select(Json), Is.EqualTo(new[] { first, last }));
            log.Append(Item(1));
        }
        Assert.That(File.ReadAllText(_path + ".broken"), Is.EqualTo(broken + "\n"));
        using ResultLog again = ResultLog.Open(_path);
        Assert.That(again.BrokenLines, Is.Zero);
        Assert.That(again.Items.Select(Json), Is.EqualTo(new[] { first, Json(Item(1)), last }));
        Assert.That(File.ReadAllText(_path + ".broken"), Is.EqualTo(broken + "\n"), "set aside once");
    }

    [Test]
    public void BytesThatAreNotUtf8_AreSetAsideAsTheyAre()
    {
        byte[] broken = Encoding.Latin1.GetBytes(Line(line => line.Replace("Question", "é", StringComparison.Ordinal)));
        File.WriteAllBytes(_path, [.. broken, (byte)'\n', .. Encoding.UTF8.GetBytes(Json(Item(2))), (byte)'\n']);
        using ResultLog log = ResultLog.Open(_path);
        Assert.That(log.Items.Select(item => item.Index), Is.EqualTo(new[] { 2 }));
        Assert.That(File.ReadAllBytes(_path + ".broken"), Is.EqualTo(broken.Append((byte)'\n')));
    }

    [Test]
    public void ALastLineWithoutAnEnd_IsSetAside_WhereverItIsCut()
    {
        string whole = Json(Item(0)), last = Json(Item(1));
        foreach (int length in new[] { 1, 20, last.Length - 1, last.Length })
        {
            File.Delete(_path + ".broken");
            File.WriteAllText(_path, $"{whole}\n{last[..length]}");
            using (ResultLog log = ResultLog.Open(_path))
            {
                Assert.That(log.Has(1), Is.False);
                log.Append(Item(1));
            }
            Assert.That(File.ReadAllText(_path), Is.EqualTo($"{whole}\n{last}\n"));
            Assert.That(File.ReadAllText(_path + ".broken"), Is.EqualTo(last[..length] + "\n"));
        }
    }

    [Test]
    public void BlankLines_AreNothing()
    {
        File.WriteAllText(_path, $"\n{Json(Item(0))}\n\n   \n{Json(Item(1))}\n");
        using ResultLog log = ResultLog.Open(_path);
        Assert.That((log.BrokenLines, log.Items.Count), Is.EqualTo((0, 2)));
        Assert.That(File.Exists(_path + ".broken"), Is.False);
    }

    [Test]
    public void LinesLongerThanABuffer_AreRead()
    {
        ItemResult large = Example.Item(0, Example.Sample(true) with { Thinking = new string('x', 200_001) });
        using (ResultLog log = ResultLog.Open(_path))
        {
            for (int i = 0; i < 5; i++)
                log.Append(large with { Index = i });
        }
        Assert.That(ResultLog.Read(_path).Select(item => item.Samples[0].Thinking.Length), Is.EqualTo(Enumerable.Repeat(200_001, 5)));
    }

    [Test]
    public void ALogThatIsOpen_CanBeRead()
    {
        using ResultLog log = ResultLog.Open(_path);
        log.Append(Item(0));
        Assert.That(ResultLog.Read(_path), Has.Count.EqualTo(1));
        log.Append(Item(1));
        Assert.That(ResultLog.Read(_path), Has.Count.EqualTo(2));
    }

    [Test]
    public void Reading_ChangesNothing()
    {
        File.WriteAllText(_path, "broken\n" + Json(Item(0)));
        Assert.That(ResultLog.Read(_path), Is.Empty);
        Assert.That(File.ReadAllText(_path), Is.EqualTo("broken\n" + Json(Item(0))));
        Assert.That(Directory.GetFiles(_folder.Path), Has.Length.EqualTo(1));
        Assert.That(ResultLog.Read(_folder.File("missing.jsonl")), Is.Empty);
    }

    [Test]
    public void ConcurrentAppends_AreWholeLines()
    {
        using (ResultLog log = ResultLog.Open(_path))
            Parallel.For(0, 50, i => log.Append(Item(i)));
        Assert.That(ResultLog.Read(_path).Select(item => item.Index), Is.EqualTo(Enumerable.Range(0, 50)));
    }

    [Test]
    public void AFullDisk_LeavesTheFileAsBefore()
    {
        using SmallDisk disk = new(_folder.File("disk"));
        string path = Path.Combine(disk.Path, "log.jsonl");
        int written = 0;
        using (ResultLog log = ResultLog.Open(path))
        {
            ItemResult item = Example.Item(0, Example.Sample(true) with { Thinking = new string('x', 5000) });
            IOException error = Assert.Throws<IOException>(() =>
            {
                for (; written < 1000; written++)
                    log.Append(item with { Index = written });
            })!;
            Assert.That(error.Message, Does.Contain(path).Or.Contain("space"));
            Assert.That(written, Is.GreaterThan(3));
            Assert.That((log.Has(written - 1), log.Has(written)), Is.EqualTo((true, false)));
            log.Append(Example.Item(5000, Example.Sample(true)));
        }
        Assert.That(ResultLog.Read(path).Select(item => item.Index), Is.EqualTo(Enumerable.Range(0, written).Append(5000)));
        using ResultLog again = ResultLog.Open(path);
        Assert.That(again.BrokenLines, Is.Zero);
    }

    private static string Json(ItemResult item) => JsonSerializer.Serialize(item, ResultsJson.Line.ItemResult);
}

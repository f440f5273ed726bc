using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Datasets;

namespace SoftThinking.Evaluation.Tests.Datasets;

public class OptionShuffleTests
{
    // Texts that look like letters, as some of GPQA do.
    private static BenchmarkItem Item(int index = 0) => new()
    {
        Index = index,
        Question = "Which?\n\nA. D\nB. c2h\nC. a\nD. B",
        Reference = JsonValue.Create("B"),
        Choices = new Dictionary<string, string> { ["A"] = "D", ["B"] = "c2h", ["C"] = "a", ["D"] = "B" },
    };

    [Test]
    public void Orders_ArePermutationsThatDependOnSeedAndIndexAlone()
    {
        HashSet<string> orders = [];
        for (int i = 0; i < 1000; i++)
        {
            string order = OptionShuffle.Order(Item(i), 7);
            Assert.That(order.Order(), Is.EqualTo("ABCD"));
            Assert.That(OptionShuffle.Order(Item(i) with { Question = "another", Reference = "D" }, 7), Is.EqualTo(order));
            orders.Add(order);
        }
        Assert.That(orders, Has.Count.EqualTo(24), "every order occurs");
        Assert.That(Enumerable.Range(0, 100).Count(i => OptionShuffle.Order(Item(i), 7) == OptionShuffle.Order(Item(i), 8)), Is.LessThan(15));
    }

    [Test]
    public void Orders_StayTheSameInLaterVersions() => Assert.That(
        Enumerable.Range(0, 4).Select(i => OptionShuffle.Order(Item(i), 0)), Is.EqualTo(Enumerable.Range(0, 4).Select(Reference)));

    // splitmix64, started from its first number for the seed 0 plus the index, and Fisher-Yates once more.
    private static string Reference(int index)
    {
        ulong seed = 0, state = Mix(ref seed) + (ulong)index;
        List<char> letters = [.. "ABCD"];
        for (int left = 4; left > 1; left--)
        {
            int place = (int)(((UInt128)Mix(ref state) * (ulong)left) >> 64);
            (letters[left - 1], letters[place]) = (letters[place], letters[left - 1]);
        }
        return string.Concat(letters);
    }

    private static ulong Mix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        ulong z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    [Test]
    public void TheReference_FollowsItsOption()
    {
        BenchmarkItem shown = OptionShuffle.Apply(Item(), "DBCA");
        Assert.Multiple(() =>
        {
            Assert.That(shown.Question, Is.EqualTo("Which?\n\nA. B\nB. c2h\nC. a\nD. D"));
            Assert.That((string)shown.Reference!, Is.EqualTo("B"));
            Assert.That((string)OptionShuffle.Apply(Item(), "BACD").Reference!, Is.EqualTo("A"));
            Assert.That((string)OptionShuffle.Apply(Item(), "ACDB").Reference!, Is.EqualTo("D"));
            Assert.That(shown.Choices, Is.EquivalentTo(new Dictionary<string, string> { ["A"] = "B", ["B"] = "c2h", ["C"] = "a", ["D"] = "D" }));
        });
    }

    [Test]
    public void AQuestionWithoutItsOptions_IsNamed()
    {
        BenchmarkItem item = Item(3) with { Question = "Which?" };
        Assert.That(Assert.Throws<DatasetException>(() => OptionShuffle.Apply(item, "ABCD"))!.Message, Does.StartWith("item 3: the question must end"));
    }

    [TestCase(0ul)]
    [TestCase(1ul)]
    [TestCase(12345ul)]
    public void EveryQuestionOfGpqa_CanBeShuffled_AndEveryLetterIsRightAboutEquallyOften(ulong seed)
    {
        Dataset dataset = BenchmarkFile.Load(SharedFiles.Dataset("gpqa_diamond"), "gpqa_diamond");
        Dictionary<string, int> right = new() { ["A"] = 0, ["B"] = 0, ["C"] = 0, ["D"] = 0 };
        foreach (BenchmarkItem item in dataset.Items)
        {
            string order = OptionShuffle.Order(item, seed);
            BenchmarkItem shown = OptionShuffle.Apply(item, order);
            string letter = (string)shown.Reference!;
            right[letter]++;
            Assert.That(shown.Choices![letter], Is.EqualTo(item.Choices![(string)item.Reference!]));
            for (int place = 0; place < 4; place++)
                Assert.That(shown.Question, Does.Contain($"\n{"ABCD"[place]}. {item.Choices[order[place].ToString()]}"));
        }
        // The mean is 49.5, the standard deviation 6.1.
        Assert.That(right.Values, Has.All.InRange(30, 69));
    }
}

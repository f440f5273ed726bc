using System.Text;
using NUnit.Framework;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Evaluation.Tests.Datasets;

/// <summary>Files of another shape name the file, the item and the key.</summary>
public class BenchmarkFileTests
{
    private const string Good = """{"prompt":[{"from":"user","value":"Q"}],"final_answer":"1"}""";
    private const string Prompt = """ "prompt":[{"value":"Q"}] """;
    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    // Each has one good item before it.
    [TestCase("5", "item 1: the item must be an object")]
    [TestCase("null", "item 1: the item must be an object")]
    [TestCase("[]", "item 1: the item must be an object")]
    [TestCase("""{"final_answer":"1"}""", "item 1: \"prompt\" must be")]
    [TestCase("""{"prompt":[],"final_answer":"1"}""", "item 1: \"prompt\" must be")]
    [TestCase("""{"prompt":"Q","final_answer":"1"}""", "item 1: \"prompt\" must be")]
    [TestCase("""{"prompt":["Q"],"final_answer":"1"}""", "item 1: \"prompt\" must be")]
    [TestCase("""{"prompt":[{"from":"user"}],"final_answer":"1"}""", "item 1: \"prompt[0].value\" must be text")]
    [TestCase("""{"prompt":[{"value":7}],"final_answer":"1"}""", "item 1: \"prompt[0].value\" must be text")]
    [TestCase("""{"prompt":[{"value":"\ud800"}],"final_answer":"1"}""", "item 1: \"prompt[0].value\" must be Unicode text")]
    [TestCase("""{"prompt":[{"value":"Q","other":"\udc00"}],"final_answer":"1"}""", "item 1: \"prompt[0].other\" must be Unicode text")]
    [TestCase("""{"\ud800":1,"prompt":[{"value":"Q"}],"final_answer":"1"}""", "item 1: a key is not Unicode text")]
    [TestCase("""{"prompt":[{"value":"Q"}],"final_answer":"1","groups":{"\ud800":"x"}}""", "item 1: a key of \"groups\" is not Unicode text")]
    [TestCase("{" + Prompt + "}", "item 1: \"final_answer\" must be text or an object")]
    [TestCase("{" + Prompt + ""","final_answer":null}""", "item 1: \"final_answer\" must be text or an object")]
    [TestCase("{" + Prompt + ""","final_answer":["1"]}""", "item 1: \"final_answer\" must be text or an object")]
    [TestCase("{" + Prompt + ""","final_answer":{"code":"x"}}""", "item 1: \"final_answer\" must be text, or an object with")]
    [TestCase("{" + Prompt + ""","final_answer":"1","final_answer":"2"}""", "item 1: \"final_answer\" stands twice")]
    [TestCase("""{"prompt":[{"value":"Q","value":"R"}],"final_answer":"1"}""", "item 1: \"prompt[0].value\" stands twice")]
    [TestCase("{" + Prompt + ""","final_answer":"1","groups":["a"]}""", "item 1: \"groups\" must be an object of texts")]
    [TestCase("{" + Prompt + ""","final_answer":"1","groups":{"terms":3}}""", "item 1: \"groups.terms\" must be text")]
    [TestCase("{" + Prompt + ""","final_answer":"A","choices":{"A":"x"}}""", "item 1: \"final_answer\" is of the kind Choice, those before it of the kind Math")]
    public void AWrongItem_IsNamedWithItsKey(string item, string message) =>
        Assert.That(Error($"[{Good},{item}]"), Does.StartWith(_folder.File("data.json") + ", ").And.Contain(message));

    [TestCase("""{"A":"x","C":"y"}""", "A", "\"choices\" must be named A, B, C, …; B is missing")]
    [TestCase("""{"a":"x","b":"y"}""", "A", "\"choices\" must be named A, B, C, …; A is missing")]
    [TestCase("""{"A":"x","B":"y"}""", "C", "\"final_answer\" must be one of the letters of \"choices\"")]
    [TestCase("""{"A":"x","B":"y"}""", "a", "\"final_answer\" must be one of the letters of \"choices\"")]
    [TestCase("{}", "A", "\"final_answer\" must be one of the letters of \"choices\"")]
    [TestCase("""{"A":"x","B":null}""", "A", "\"choices.B\" must be text")]
    [TestCase("""["x","y"]""", "A", "\"choices\" must be an object of texts")]
    public void WrongChoices_AreNamed(string choices, string answer, string message) =>
        Assert.That(Error($$"""[{"prompt":[{"value":"Q"}],"final_answer":"{{answer}}","choices":{{choices}}}]"""), Does.Contain($"item 0: {message}"));

    [TestCase("""{"entry_point":"f","test":"t"}""", "\"task_id\"")]
    [TestCase("""{"entry_point":"f","task_id":"1"}""", "\"test\"")]
    [TestCase("""{"entry_point":["f"],"task_id":"1","test":"t"}""", "\"entry_point\"")]
    [TestCase("""{"test_list":[],"task_id":1}""", "\"test_list\"")]
    [TestCase("""{"test_list":[1],"task_id":1}""", "\"test_list\"")]
    [TestCase("""{"test_list":["assert True"]}""", "\"task_id\"")]
    [TestCase("""{"test_list":["assert True"],"task_id":1,"test_import":"import math"}""", "\"test_import\"")]
    [TestCase("""{"question_id":{}}""", "question_id")]
    [TestCase("""{"question_id":"1","starter_code":5}""", "starter_code")]
    [TestCase("""{"question_id":"1","tests":"no JSON"}""", "tests")]
    [TestCase("""{"question_id":"1","tests":"[{\"input\":\"a\",\"input\":\"b\",\"output\":\"c\"}]"}""", "tests[0].input\" stands twice")]
    [TestCase("""{"question_id":"1","tests":"[{\"input\":\"\\ud800\",\"output\":\"c\"}]"}""", "tests[0].input\" must be Unicode text")]
    public void AWrongReferenceOfCode_IsNamed(string reference, string key) =>
        Assert.That(Error($$"""[{"prompt":[{"value":"Q"}],"final_answer":{{reference}}}]"""), Does.Contain("item 0: \"final_answer").And.Contain(key));

    [TestCase("{}", "must hold a JSON array of items")]
    [TestCase("null", "must hold a JSON array of items")]
    [TestCase("[]", "has no items")]
    [TestCase("", "not valid JSON at line 1, byte 1")]
    [TestCase("[\n{\"prompt\": NaN}]", "not valid JSON at line 2, byte 12")]
    [TestCase("[\n" + Good, "not valid JSON at line 2,")]
    [TestCase("[" + Good + "] x", "not valid JSON at line 1,")]
    public void AFileThatIsNoDataSet_IsNamed(string text, string message) =>
        Assert.That(Error(text), Does.StartWith(_folder.File("data.json")).And.Contain(message));

    [Test]
    public void DeepNesting_IsRefused() => Assert.That(Error(new string('[', 100_000)), Does.Contain("not valid JSON"));

    [Test]
    public void BytesThatAreNotUtf8_AreRefused()
    {
        byte[] bytes = Encoding.Latin1.GetBytes(Good.Replace("\"Q\"", "\"é\"", StringComparison.Ordinal));
        string path = _folder.Write("data.json", [(byte)'[', .. bytes, (byte)']']);
        Assert.That(Assert.Throws<DatasetException>(() => BenchmarkFile.Load(path, "x"))!.Message, Does.Contain("not UTF-8"));
    }

    [Test]
    public void HostileKeys_LeaveMessagesReadable()
    {
        string key = "a\\u001b[31m" + new string('b', 100_000);
        string message = Error($$"""[{"{{key}}":1,"{{key}}":2}]""");
        Assert.That(message, Has.Length.LessThan(500).And.Contain("stands twice"));
        Assert.That(message, Has.None.Matches<char>(char.IsControl));
    }

    [Test]
    public void AMissingFileAndADirectory_AreNamed()
    {
        string missing = _folder.File("missing.json");
        Assert.Multiple(() =>
        {
            Assert.That(ErrorOf(missing), Is.EqualTo($"{missing} does not exist"));
            Assert.That(ErrorOf(_folder.Path), Is.EqualTo($"{_folder.Path} is a directory, not a data set"));
            Assert.That(ErrorOf(_folder.Path + "/"), Is.EqualTo($"{_folder.Path}/ is a directory, not a data set"));
        });
    }

    [Test]
    public void AFile_MayStartWithAByteOrderMark_AndHaveNumbersAsAnswers()
    {
        string path = _folder.Write("mine.json", "\uFEFF" + $$"""[{{Good}}, { {{Prompt}}, "final_answer": 1.50, "groups": {"terms":"2"} }]""");
        Dataset dataset = KnownBenchmarks.Load(path, "");
        Assert.Multiple(() =>
        {
            Assert.That(dataset.Name, Is.EqualTo("mine"));
            Assert.That((string)dataset.Items[1].Reference!, Is.EqualTo("1.50"));
            Assert.That(dataset.Items[0].Groups, Is.Empty);
            Assert.That(dataset.Items[1].Groups, Is.EqualTo(new Dictionary<string, string> { ["terms"] = "2" }));
        });
    }

    [Test]
    public void TextsThatLookLikePlaceholders_StayAsTheyAre()
    {
        string path = _folder.Write("code.json",
            """[{"prompt":[{"value":"Q {tests} {question}"}],"final_answer":{"task_id":1,"test_list":["assert '{question}'"]}}]""");
        BenchmarkItem item = BenchmarkFile.Load(path, "code").Items[0];
        string prompt = BenchmarkPrompt.For(BenchmarkKind.Mbpp, item);
        Assert.Multiple(() =>
        {
            Assert.That(prompt, Does.Contain("Task:\nQ {tests} {question}\n").And.Contain("```python\nassert '{question}'\n```"));
            Assert.That(BenchmarkPrompt.For(BenchmarkKind.Mbpp, item, "<{question}> {question}"), Is.EqualTo("<Q {tests} {question}> {question}"));
        });
    }

    private string Error(string text) => ErrorOf(_folder.Write("data.json", text));

    private static string ErrorOf(string path) => Assert.Throws<DatasetException>(() => KnownBenchmarks.Load(path, ""))!.Message;
}

using System.Text;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>What holds for every file of a model.</summary>
internal sealed class ModelFileTests
{
    private const string Pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
        size 16060556376

        """;

    private static readonly string[] JsonFiles =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "model.safetensors.index.json",
    ];

    private static IEnumerable<string> AllFiles() => [.. JsonFiles, "model.safetensors", "chat_template.jinja"];

    [TestCaseSource(nameof(AllFiles))]
    public void A_Git_LFS_pointer_is_named_as_such(string file)
    {
        using CaseModel model = MakeModel(file);
        File.WriteAllText(model.InModel(file), Pointer);
        ModelFileException error = Assert.Throws<ModelFileException>(() => LoadAll(model.Path))!;
        Assert.That(error.Message, Is.EqualTo($"{model.InModel(file)}: is a Git LFS pointer, not the file itself; run `git lfs pull`"));
    }

    [Test]
    public void A_pointer_in_place_of_a_shard_is_named_as_such()
    {
        using CaseModel model = MakeModel("model.safetensors.index.json");
        File.WriteAllText(model.InModel("one.safetensors"), Pointer);
        Assert.That(() => LoadAll(model.Path), Throws.InstanceOf<ModelFileException>().With.Message.Contains("one.safetensors: is a Git LFS pointer"));
    }

    [TestCaseSource(nameof(JsonFiles))]
    public void A_byte_order_mark_and_numbers_of_Python_are_accepted(string file)
    {
        using CaseModel model = MakeModel(file);
        string text = File.ReadAllText(model.InModel(file));
        if (file is not "added_tokens.json") // all its values are ids
            text = "{\"unknown\": [NaN, Infinity, -Infinity]," + text.TrimStart()[1..];
        File.WriteAllText(model.InModel(file), text.Replace(",}", "}"), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        Assert.That(File.ReadAllBytes(model.InModel(file))[0], Is.EqualTo(0xEF));
        Assert.That(() => LoadAll(model.Path), Throws.Nothing);
    }

    [TestCaseSource(nameof(JsonFiles))]
    public void Broken_JSON_is_described_in_our_words(string file)
    {
        using CaseModel model = MakeModel(file);
        foreach (string broken in (string[])["{\n \"a\": tru }", "{\n \"a\": \"x", "{\n\"a\": 1,}", "{\"a\":01}", "{'a': 1}", "{\"a\": 1, \"a\": 2}", "{\"a\": \"\\x\"}"])
        {
            File.WriteAllText(model.InModel(file), broken);
            ModelFileException error = Assert.Throws<ModelFileException>(() => LoadAll(model.Path), broken)!;
            Assert.That(error.Message, Does.StartWith($"{model.InModel(file)}: the file is broken JSON").And.Match(@"at line \d+, column \d+$"));
        }
    }

    private static IEnumerable<string> FilesBesideWeights() => JsonFiles[..^1];

    [TestCaseSource(nameof(FilesBesideWeights))]
    public void A_directory_in_place_of_a_file_is_an_error_that_names_it(string file)
    {
        using CaseModel model = MakeModel(file);
        File.Delete(model.InModel(file));
        Directory.CreateDirectory(model.InModel(file));
        Assert.That(() => LoadAll(model.Path), Throws.InstanceOf<ModelFileException>()
            .With.Property("File").EqualTo(model.InModel(file)).And.Message.Contains("cannot be read"));
    }

    /// <summary>The demonstration model with the given file, if it has none of its own.</summary>
    /// <summary>As in the cache of Hugging Face, where all files are links. A link has a length of its own.</summary>
    [TestCase("config.json")]
    [TestCase("tokenizer.json")]
    [TestCase("chat_template.jinja")]
    [Platform("Linux,MacOsX")]
    public void A_link_to_a_file_that_is_too_long_is_refused(string file)
    {
        using CaseModel model = MakeModel(file);
        using TempFolder folder = new();
        using (FileStream large = File.Create(folder.File("large")))
            large.SetLength(100_000_001);
        File.Delete(model.InModel(file));
        File.CreateSymbolicLink(model.InModel(file), folder.File("large"));
        Assert.That(() => LoadAll(model.Path), Throws.InstanceOf<ModelFileException>()
            .With.Message.EqualTo($"{model.InModel(file)}: the file has 100000001 bytes; at most 100000000 are read"));
    }

    [TestCase("config.json")]
    [TestCase("tokenizer.json")]
    [Platform("Linux,MacOsX")]
    public void Files_may_be_links(string file)
    {
        using CaseModel model = MakeModel(file);
        File.Move(model.InModel(file), model.InModel("moved"));
        File.CreateSymbolicLink(model.InModel(file), "moved");
        Assert.That(() => LoadAll(model.Path), Throws.Nothing);
    }

    private static CaseModel MakeModel(string file)
    {
        CaseModel model = CaseModel.Copy();
        switch (file)
        {
            case "model.safetensors.index.json":
                File.Delete(model.InModel("model.safetensors"));
                File.WriteAllBytes(model.InModel("one.safetensors"), new SafetensorsWriter().Add("w", [1], 1f).ToBytes());
                File.WriteAllText(model.InModel(file), """{"weight_map":{"w":"one.safetensors"}}""");
                break;
            case "special_tokens_map.json" or "added_tokens.json":
                model.Edit("tokenizer_config.json", config => config.Remove("added_tokens_decoder")); // else they are not read
                File.WriteAllText(model.InModel(file), "{}");
                break;
            case "chat_template.jinja":
                File.WriteAllText(model.InModel(file), "x");
                break;
        }
        return model;
    }

    private static void LoadAll(string directory)
    {
        using Checkpoint checkpoint = Checkpoint.Open(directory);
        Tokenizer.Load(directory);
        ChatTemplate.Load(directory);
    }
}

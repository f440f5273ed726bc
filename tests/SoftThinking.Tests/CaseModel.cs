using System.Text.Json.Nodes;

namespace SoftThinking.Tests;

/// <summary>The demonstration model in a directory of its own with some files replaced; removed when disposed.</summary>
internal sealed class CaseModel : IDisposable
{
    private CaseModel()
    {
        foreach (string file in Directory.GetFiles(TestData.TinyReasoner))
            File.Copy(file, InModel(System.IO.Path.GetFileName(file)));
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("softthinking-").FullName;

    /// <summary>With the files of tests/data/cases/NAME.</summary>
    public static CaseModel Of(string name)
    {
        CaseModel model = new();
        foreach (string file in Directory.GetFiles(System.IO.Path.Combine(TestData.RepositoryRoot, "tests", "data", "cases", name)))
            File.Copy(file, model.InModel(System.IO.Path.GetFileName(file)), overwrite: true);
        return model;
    }

    /// <summary>With its own files.</summary>
    public static CaseModel Copy() => new();

    public string InModel(string file) => System.IO.Path.Combine(Path, file);

    public CaseModel Edit(string file, Action<JsonObject> edit)
    {
        JsonObject json = File.Exists(InModel(file)) ? JsonNode.Parse(File.ReadAllText(InModel(file)))!.AsObject() : [];
        edit(json);
        File.WriteAllText(InModel(file), json.ToJsonString());
        return this;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

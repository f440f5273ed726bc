using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Cli;
using SoftThinking.Evaluation;
using SoftThinking.Extensions.AI;
using SoftThinking.Server;

namespace SoftThinking.Tests;

/// <summary>The folders of each project depend in one direction.</summary>
public class ArchitectureTests
{
    // A folder may refer to the folders before it, and to no other. The first is the root: the public contracts.
    private static readonly Project Library = new(typeof(EngineOptions), "SoftThinking",
    [
        "", "Files", "Interop", "Checkpoints", "Tokenization", "Json", "Records", "Templating", "Chat", "Cache", "Thinking", "Models", "Quantization", "Scheduling",
        "Execution", "Engine", "Diagnostics",
    ]);

    private static readonly Project OfEvaluations = new(typeof(Verdict), "SoftThinking.Evaluation",
        ["", "Judging", "Code", "Results", "Statistics", "Reporting", "Datasets", "Endpoints", "Runs"]);

    private static readonly Project OfServers = new(typeof(SoftThinkingServer), "SoftThinking.Server", ["", "Wire", "Calls", "OpenAi", "Native", "Responses", "Messages", "Telemetry", "Hosting"]);

    private static readonly Project OfChatClients = new(typeof(SoftThinkingChatClient), "SoftThinking.Extensions.AI", ["", "Hosting"]);

    private static readonly Project[] Projects = [Library, OfEvaluations, OfServers, OfChatClients];

    [TestCaseSource(nameof(Projects))]
    public void EveryType_HasAFileInAKnownFolder(Project project)
    {
        IEnumerable<string> folders = project.Graph.References
            .SelectMany(reference => new[] { reference.From, reference.To })
            .Select(SourceGraph.FolderOf)
            .Distinct();
        Assert.Multiple(() =>
        {
            Assert.That(project.Graph.Unplaced, Is.Empty);
            Assert.That(folders, Is.EquivalentTo(project.Order), "folders with code are those that the order names");
        });
    }

    [TestCaseSource(nameof(Projects))]
    public void Folders_ReferOnlyToThoseBeforeThem(Project project)
    {
        SourceGraph graph = project.Graph;
        string[] wrong =
        [
            .. graph.References
                .Where(reference => project.PlaceOf(reference.To) > project.PlaceOf(reference.From))
                .Select(reference => $"{SourceGraph.Name(SourceGraph.FolderOf(reference.From))} -> {SourceGraph.Name(SourceGraph.FolderOf(reference.To))}: {reference.Types}")
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        TestContext.Out.WriteLine(graph.DescribeFolders());
        Assert.That(wrong, Is.Empty, () => $"the folders refer to:\n{graph.DescribeFolders()}");
    }

    // A constant leaves no reference in compiled code, but its folder has to be named in the source.
    [TestCaseSource(nameof(Projects))]
    public void Folders_NameOnlyThoseBeforeThem(Project project)
    {
        string root = Path.Combine(TestData.RepositoryRoot, "managed", project.Name);
        Regex used = new($@"^using (?:static )?{Regex.Escape(project.Name)}\.(\w+)", RegexOptions.Multiline | RegexOptions.CultureInvariant);
        List<string> wrong = [];
        foreach (string folder in project.Order)
        {
            SearchOption depth = folder.Length == 0 ? SearchOption.TopDirectoryOnly : SearchOption.AllDirectories;
            foreach (string file in Directory.GetFiles(Path.Combine(root, folder), "*.cs", depth))
            {
                wrong.AddRange(used.Matches(File.ReadAllText(file))
                    .Select(match => match.Groups[1].Value)
                    .Where(name => Array.IndexOf(project.Order, name) is int place && (place < 0 || place > Array.IndexOf(project.Order, folder)))
                    .Select(name => $"{Path.GetRelativePath(root, file)} -> {name}"));
            }
        }
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void FilesOfTheCommandLine_HaveNoCircle()
    {
        SourceGraph graph = SourceGraph.Read(typeof(CommandLine).Assembly.Location, "managed/SoftThinking.Cli");
        Assert.Multiple(() =>
        {
            Assert.That(graph.References, Is.Not.Empty);
            Assert.That(graph.Circles().Select(circle => string.Join(", ", circle)), Is.Empty);
        });
    }

    /// <summary>A project whose folders have an order.</summary>
    public sealed class Project(Type type, string name, string[] order)
    {
        private readonly Lazy<SourceGraph> _graph = new(() => SourceGraph.Read(type.Assembly.Location, $"managed/{name}"));

        public string Name => name;

        public string[] Order => order;

        internal SourceGraph Graph => _graph.Value;

        public int PlaceOf(string file) => Array.IndexOf(order, SourceGraph.FolderOf(file));

        public override string ToString() => name;
    }
}

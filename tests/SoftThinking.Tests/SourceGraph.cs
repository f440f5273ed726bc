using System.Text;
using Mono.Cecil;

namespace SoftThinking.Tests;

/// <summary>Which source files of an assembly refer to which others, as compiled.</summary>
internal sealed class SourceGraph
{
    private readonly ILookup<int, string> _files;

    private SourceGraph(ILookup<int, string> files) => _files = files;

    /// <summary>Every reference from one file to another, with the types that make it.</summary>
    public required IReadOnlyList<(string From, string To, string Types)> References { get; init; }

    /// <summary>Types of the assembly that no file could be found for.</summary>
    public required IReadOnlyList<string> Unplaced { get; init; }

    /// <param name="assembly">Path of the assembly; its PDB is next to it.</param>
    /// <param name="directory">Directory of the sources within the repository.</param>
    public static SourceGraph Read(string assembly, string directory)
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(assembly);
        ILookup<int, string> files = SourceFiles.ByType(assembly, directory);
        List<(string, string, string)> references = [];
        List<string> unplaced = [];
        foreach (TypeDefinition type in module.GetTypes().Where(IsWritten))
        {
            string[] from = FilesOf(type, files);
            if (from.Length == 0)
                unplaced.Add(type.FullName);
            foreach (TypeDefinition used in TypeReferences.Of(type).Where(IsWritten))
            {
                foreach (string to in FilesOf(used, files))
                    references.AddRange(from.Where(file => file != to).Select(file => (file, to, $"{type.FullName} -> {used.FullName}")));
            }
        }
        return new SourceGraph(files) { References = references, Unplaced = unplaced };
    }

    /// <summary>The folder of a file; empty for files outside of any.</summary>
    public static string FolderOf(string file) => file.Contains('/', StringComparison.Ordinal) ? file[..file.IndexOf('/', StringComparison.Ordinal)] : "";

    /// <summary>The folders, each with those that it refers to.</summary>
    public string DescribeFolders()
    {
        StringBuilder text = new();
        string[] folders = [.. _files.SelectMany(type => type).Select(FolderOf).Distinct().Order(StringComparer.Ordinal)];
        foreach (string folder in folders)
        {
            IEnumerable<string> used = References
                .Where(reference => FolderOf(reference.From) == folder && FolderOf(reference.To) != folder)
                .Select(reference => Name(FolderOf(reference.To)))
                .Distinct()
                .Order(StringComparer.Ordinal);
            text.AppendLine($"{Name(folder)} -> {string.Join(", ", used)}");
        }
        return text.ToString();
    }

    /// <summary>Groups of files that all reach each other, in alphabetical order.</summary>
    public IReadOnlyList<string[]> Circles()
    {
        ILookup<string, string> uses = References.Select(reference => (reference.From, reference.To)).Distinct().ToLookup(pair => pair.From, pair => pair.To);
        Dictionary<string, HashSet<string>> reached = uses.ToDictionary(file => file.Key, file => ReachedFrom(file.Key, uses));
        return
        [
            .. reached.Keys
                .Where(file => reached[file].Contains(file))
                .GroupBy(file => string.Join(", ", reached[file].Where(other => reached.TryGetValue(other, out HashSet<string>? back) && back.Contains(file)).Order(StringComparer.Ordinal)))
                .Select(circle => circle.Key.Split(", "))
                .OrderBy(circle => circle[0], StringComparer.Ordinal),
        ];
    }

    /// <summary>A folder as messages show it.</summary>
    public static string Name(string folder) => folder.Length == 0 ? "(root)" : folder;

    private static HashSet<string> ReachedFrom(string file, ILookup<string, string> uses)
    {
        HashSet<string> reached = [];
        Stack<string> open = new(uses[file]);
        while (open.TryPop(out string? next))
        {
            if (reached.Add(next))
            {
                foreach (string used in uses[next])
                    open.Push(used);
            }
        }
        return reached;
    }

    // What the compiler adds to a module for its own use has no file: helpers of array literals, embedded attributes.
    private static bool IsWritten(TypeDefinition type)
    {
        TypeDefinition outermost = type;
        while (outermost.DeclaringType is TypeDefinition outer)
            outermost = outer;
        return outermost.Name[0] != '<' && outermost.Namespace.StartsWith("SoftThinking", StringComparison.Ordinal);
    }

    private static string[] FilesOf(TypeDefinition type, ILookup<int, string> files)
    {
        for (TypeDefinition? at = type; at != null; at = at.DeclaringType)
        {
            if (files.Contains((int)at.MetadataToken.RID))
                return [.. files[(int)at.MetadataToken.RID]];
        }
        return [];
    }
}

using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace SoftThinking.Tests;

/// <summary>The source files of an assembly's types, from its portable PDB.</summary>
internal static class SourceFiles
{
    // Documents of a type without any line of code; see "Portable PDB v1.0" in the runtime's documentation.
    private static readonly Guid TypeDefinitionDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    /// <summary>The files of each type by the row of its definition, relative to a directory. What generators write, below obj, is left
    /// out, and so are types without any file.</summary>
    public static ILookup<int, string> ByType(string assembly, string directory)
    {
        using FileStream stream = File.OpenRead(Path.ChangeExtension(assembly, ".pdb"));
        using FileStream image = File.OpenRead(assembly);
        using System.Reflection.PortableExecutable.PEReader portable = new(image);
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(stream);
        MetadataReader symbols = provider.GetMetadataReader(), metadata = portable.GetMetadataReader();
        string marker = directory.Replace('\\', '/').TrimEnd('/') + "/";
        return Documents(symbols, metadata)
            .Distinct()
            .Select(found => (found.Type, Path: symbols.GetString(symbols.GetDocument(found.Document).Name).Replace('\\', '/')))
            .Where(found => found.Path.Contains(marker, StringComparison.Ordinal))
            .Select(found => (found.Type, Path: found.Path[(found.Path.LastIndexOf(marker, StringComparison.Ordinal) + marker.Length)..]))
            .Where(found => !found.Path.StartsWith("obj/", StringComparison.Ordinal))
            .ToLookup(found => found.Type, found => found.Path);
    }

    private static IEnumerable<(int Type, DocumentHandle Document)> Documents(MetadataReader symbols, MetadataReader metadata)
    {
        foreach (MethodDefinitionHandle handle in metadata.MethodDefinitions)
        {
            int type = MetadataTokens.GetRowNumber(metadata.GetMethodDefinition(handle).GetDeclaringType());
            MethodDebugInformation method = symbols.GetMethodDebugInformation(handle);
            if (!method.Document.IsNil)
                yield return (type, method.Document);
            foreach (SequencePoint point in method.GetSequencePoints())
                yield return (type, point.Document);
        }
        foreach (CustomDebugInformationHandle handle in symbols.CustomDebugInformation)
        {
            CustomDebugInformation information = symbols.GetCustomDebugInformation(handle);
            if (information.Parent.Kind != HandleKind.TypeDefinition || symbols.GetGuid(information.Kind) != TypeDefinitionDocuments)
                continue;
            int type = MetadataTokens.GetRowNumber((TypeDefinitionHandle)information.Parent);
            foreach (DocumentHandle document in ReadDocuments(symbols.GetBlobReader(information.Value)))
                yield return (type, document);
        }
    }

    private static List<DocumentHandle> ReadDocuments(BlobReader blob)
    {
        List<DocumentHandle> documents = [];
        while (blob.RemainingBytes > 0)
            documents.Add(MetadataTokens.DocumentHandle(blob.ReadCompressedInteger()));
        return documents;
    }
}

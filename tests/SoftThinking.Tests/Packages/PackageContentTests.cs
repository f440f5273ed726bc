using System.IO.Compression;
using System.Xml.Linq;
using NUnit.Framework;

namespace SoftThinking.Tests.Packages;

/// <summary>What is in the packages.</summary>
[Category("Slow")]
public class PackageContentTests
{
    [TestCase("SoftThinking", "lib/net10.0/SoftThinking.dll", "lib/net10.0/SoftThinking.xml")]
    [TestCase("SoftThinking.Extensions.AI", "lib/net10.0/SoftThinking.Extensions.AI.dll", "lib/net10.0/SoftThinking.Extensions.AI.xml")]
    [TestCase("SoftThinking.Server", "lib/net10.0/SoftThinking.Server.dll", "lib/net10.0/SoftThinking.Server.xml")]
    [TestCase("SoftThinking.Backend.Cpu")]
    [TestCase("SoftThinking.Backend.Cuda")]
    [TestCase("SoftThinking.Cli")]
    public void PackagesHaveWhatTheirReadersNeed(string id, params string[] files)
    {
        using ZipArchive package = Open(id);
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];
        XElement metadata = Metadata(package, id);
        Assert.Multiple(() =>
        {
            Assert.That(names, Is.SupersetOf(files.Append("README.md")));
            Assert.That(Text(metadata, "license"), Is.EqualTo("MIT"));
            Assert.That(Text(metadata, "readme"), Is.EqualTo("README.md"));
            Assert.That(Text(metadata, "description"), Has.Length.GreaterThan(40));
            Assert.That(File.Exists(FileOf(id, ".snupkg")), Is.EqualTo(!id.Contains("Backend")), "symbols of managed code");
        });
    }

    [Test]
    public void OnlyBackendsHaveNativeCode()
    {
        foreach (string id in (string[])["SoftThinking", "SoftThinking.Extensions.AI", "SoftThinking.Server"])
        {
            using ZipArchive package = Open(id);
            Assert.That(package.Entries.Select(entry => entry.FullName), Has.None.Contains("native"), id);
        }
        using ZipArchive cpu = Open("SoftThinking.Backend.Cpu");
        string[] libraries = [.. cpu.Entries.Select(entry => entry.FullName).Where(name => name.Contains("softthinking_cpu"))];
        Assert.That(libraries.Single(), Does.Match(@"^runtimes/\w+-\w+/native/(lib)?softthinking_cpu\.(so|dylib|dll)$"));
    }

    [Test]
    public void TheLibraryDependsOnTheAbstractionsOfLoggingAlone()
    {
        using ZipArchive package = Open("SoftThinking");
        IEnumerable<string?> dependencies = Metadata(package, "SoftThinking").Descendants()
            .Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")?.Value);
        Assert.That(dependencies, Is.EqualTo(["Microsoft.Extensions.Logging.Abstractions"]));
    }

    private static ZipArchive Open(string id)
    {
        if (id == "SoftThinking.Backend.Cuda" && !File.Exists(FileOf(id, ".nupkg")))
            Assert.Ignore("the CUDA library was not built: nvcc was not found");
        return ZipFile.OpenRead(FileOf(id, ".nupkg"));
    }

    // The name of a package is its id, its version, which begins with a digit, and the extension.
    private static string FileOf(string id, string extension) =>
        Directory.EnumerateFiles(PackageFolder.Packages, $"{id}.*{extension}").SingleOrDefault(file => char.IsDigit(Path.GetFileName(file)[id.Length + 1])) ?? "";

    private static XElement Metadata(ZipArchive package, string id)
    {
        using Stream stream = package.GetEntry($"{id}.nuspec")!.Open();
        return XElement.Load(stream);
    }

    private static string? Text(XElement metadata, string name) =>
        metadata.Descendants().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
}

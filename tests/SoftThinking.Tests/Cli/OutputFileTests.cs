using NUnit.Framework;
using SoftThinking.Files;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>Files that are written as a whole. A device is only asked for here, not written to: a mistake would replace it.</summary>
[Platform("Linux,MacOsX")]
public class OutputFileTests
{
    [TestCase("/dev/null")]
    [TestCase("/dev/../dev/full")]
    public void ADeviceIsRefused(string path) =>
        Assert.That(() => OutputFile.Resolve(path), Throws.InstanceOf<IOException>().With.Message.EqualTo($"'{path}' is a device or a pipe, not a file"));

    [Test]
    public void ALinkToADeviceIsRefused()
    {
        using TempFolder folder = new();
        File.CreateSymbolicLink(folder.File("link"), "/dev/null");

        Assert.That(() => OutputFile.Resolve(folder.File("link")), Throws.InstanceOf<IOException>());
    }

    /// <summary>Whether the file is there yet or not.</summary>
    [Test]
    public void ALinkToAFileIsFollowed()
    {
        using TempFolder folder = new();
        File.CreateSymbolicLink(folder.File("second"), "first");
        File.CreateSymbolicLink(folder.File("first"), "file");

        Assert.That(OutputFile.Resolve(folder.File("second")), Is.EqualTo(folder.File("file")));
        File.WriteAllText(folder.File("file"), "old");
        Assert.That(OutputFile.Resolve(folder.File("second")), Is.EqualTo(folder.File("file")));
        Assert.That(OutputFile.Resolve(folder.File("file")), Is.EqualTo(folder.File("file")));
    }

    [Test]
    public void AFileIsReplacedAsAWhole()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder.File("file"), "old");
        Assert.That(() => OutputFile.Replace(folder.File("file"), Fail), Throws.TypeOf<InvalidOperationException>());
        Assert.That((File.ReadAllText(folder.File("file")), Directory.GetFiles(folder.Path)), Is.EqualTo(("old", new[] { folder.File("file") })));

        File.CreateSymbolicLink(folder.File("link"), "file");
        OutputFile.Replace(folder.File("link"), path => File.WriteAllText(path, "new"));
        Assert.That((File.ReadAllText(folder.File("file")), new FileInfo(folder.File("link")).LinkTarget), Is.EqualTo(("new", "file")));

        static void Fail(string path)
        {
            File.WriteAllText(path, "half");
            throw new InvalidOperationException();
        }
    }

    [Test]
    public void ARecordFollowsALink()
    {
        using TempFolder folder = new();
        File.CreateSymbolicLink(folder.File("link"), "file");
        CliRun run = CliRun.Of("generate", "--prompt", "x", "--max-new-tokens", "2", "--record", folder.File("link"));

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That((new FileInfo(folder.File("link")).LinkTarget, new FileInfo(folder.File("file")).Length > 0), Is.EqualTo(("file", true)));
    }

    [Test]
    public void ARecordDoesNotReplaceAPipe()
    {
        using TempFolder folder = new();
        string pipe = folder.File("pipe");
        Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
        CliRun run = CliRun.Of("generate", "--prompt", "x", "--record", pipe);

        Assert.That(run, Is.EqualTo(new CliRun(1, "", $"error: --record: '{pipe}' is a device or a pipe, not a file\n")));
        Assert.That(Tool.Run(["test", "-p", pipe]).ExitCode, Is.Zero);
    }

    [Test]
    public void ARecordInAMissingDirectoryIsAnErrorAtTheStart()
    {
        using TempFolder folder = new();
        CliRun run = CliRun.Of("generate", "--prompt", "x", "--record", Path.Combine(folder.File("missing"), "file"));

        Assert.That(run, Is.EqualTo(new CliRun(1, "", $"error: --record: the directory '{folder.File("missing")}' does not exist\n")));
    }
}

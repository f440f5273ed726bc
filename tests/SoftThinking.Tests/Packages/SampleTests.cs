using System.Diagnostics;
using NUnit.Framework;
using SoftThinking.Tests.Cli;

namespace SoftThinking.Tests.Packages;

/// <summary>The samples, built against the packages and run.</summary>
[Category("Slow")]
public class SampleTests
{
    private static readonly string Samples = Path.Combine(PackageFolder.Path, "samples");

    [Test]
    public void ConceptExplorer_PrintsMixtures()
    {
        string output = Run("ConceptExplorer", "What is 47 + 85 - 19?", TestData.TinyReasoner);
        Assert.That(output, Does.Match(@"' so' +\d\.\d+ nats  ' so' \d+\.\d %, '").And.Contain(@"\boxed{113}"));
    }

    [Test]
    public void Batch_AnswersInOrder()
    {
        string file = Path.Combine(Samples, "questions.txt");
        File.WriteAllLines(file, ["What is 7 + 5?", "What is 90 - 36?"]);
        Assert.That(Run("Batch", file, TestData.TinyReasoner), Does.Match(@"(?s)boxed\{12\}.*boxed\{54\}.*2 answers, \d+ thoughts"));
    }

    [Test]
    public void ConsoleChat_Answers()
    {
        string program = Build("ConsoleChat");
        using Process chat = CliProcess.StartCommand([CliProcess.Dotnet, program, TestData.TinyReasoner]);
        chat.StandardInput.WriteLine("What is 7 + 5?");
        Assert.That(CliProcess.Finish(chat).Out, Does.StartWith("> Well").And.Contain(@"\boxed{12}"));
    }

    [Test]
    public void Agent_CallsItsTool()
    {
        string model = Directory.CreateDirectory(Path.Combine(Samples, "scripted")).FullName;
        ScriptedModel.Write(model, ScriptedModel.HermesTemplate,
            new ScriptedReply("<|tools|>", "I ask.", "</think>", "<tool_call>", """{"name": "weather", "argu""", """ments": {"city": "Bern"}}""", "</tool_call>"),
            new ScriptedReply("<|result|>", "I know.", "</think>", "It is sunny."));
        Assert.That(Run("Agent", model), Does.Contain("(the weather in Bern was asked for)").And.Contain("It is sunny."));
    }

    [Test]
    public async Task MinimalApi_Answers()
    {
        string program = Build("MinimalApi");
        ProcessStartInfo start = new(CliProcess.Dotnet, [program, "--urls", "http://127.0.0.1:0", "--SoftThinking:Model", TestData.TinyReasoner])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetDirectoryName(program),
        };
        using Process service = Process.Start(start)!;
        try
        {
            using HttpClient http = new() { BaseAddress = new Uri(await AddressAsync(service)) };
            Assert.That(await http.GetStringAsync("ask?question=What+is+7+%2B+5%3F"), Does.Contain(@"\boxed{12}"));
            Assert.That(await http.GetStringAsync("stream?question=What+is+7+%2B+5%3F"), Does.StartWith("event: thought\ndata: Well\n\n"));
            Assert.That(await http.GetStringAsync("health"), Is.EqualTo("Healthy"));
        }
        finally
        {
            service.Kill();
        }
    }

    // It needs a GPU to run; its parts run on the emulated device in SharedDeviceTests.
    [Test]
    public void CudaInterop_Compiles()
    {
        if (!Directory.EnumerateFiles(PackageFolder.Packages, "SoftThinking.Backend.Cuda.*").Any())
            Assert.Ignore("the CUDA library was not built: nvcc was not found");
        Assert.That(PackageFolder.Try(CliProcess.Dotnet, Build("CudaInterop")).Output.Trim(), Is.EqualTo("usage: CudaInterop MODEL"));
    }

    private static async Task<string> AddressAsync(Process service)
    {
        const string Listening = "Now listening on: ";
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        while (await service.StandardOutput.ReadLineAsync(limit.Token) is string line)
        {
            if (line.IndexOf(Listening, StringComparison.Ordinal) is int at and >= 0)
                return line[(at + Listening.Length)..];
        }
        throw new InvalidOperationException("the service ended before it listened");
    }

    private static string Run(string sample, params string[] arguments) =>
        PackageFolder.Run([CliProcess.Dotnet, Build(sample), .. arguments]);

    /// <summary>Builds a sample, without warnings, and returns its assembly.</summary>
    private static string Build(string sample)
    {
        string output = Path.Combine(Samples, sample, "out");
        Assert.That(PackageFolder.Dotnet("build", Path.Combine(Samples, sample), "-c", "Release", "-o", output), Does.Not.Contain("warning"));
        return Path.Combine(output, sample + ".dll");
    }
}

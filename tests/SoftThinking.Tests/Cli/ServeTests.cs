using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`serve` as a command; what the server answers is tested in SoftThinking.Server.Tests.</summary>
[NonParallelizable]
public partial class ServeTests
{
    [TestCase("INT")]
    [TestCase("TERM")]
    [Platform("Linux,MacOsX")]
    public async Task ASignalStopsTheServer(string signal)
    {
        using Process process = CliProcess.Start("serve", "--port", "0", "--served-model-name", "sums", "--api-key", "secret");
        Match address = Address().Match((await process.StandardError.ReadLineAsync())!);
        Assert.That(address.Success, "where the server is comes first");
        Assert.That(await process.StandardError.ReadLineAsync(), Does.StartWith("sums is ready: 1,024 positions"));
        using HttpClient http = new() { BaseAddress = new Uri(address.Value) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        Assert.That(await http.GetStringAsync("/v1/models"), Does.Contain("\"id\":\"sums\""));
        Assert.That(Tool.Run(["kill", "-" + signal, $"{process.Id}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);
        Assert.That((run.Code, run.Out), Is.EqualTo((0, "")));
        Assert.That(run.Error, Does.Not.Contain("secret"));
    }

    [TestCase(2, "--host must be an IP address or localhost, not 'here'", "--host", "here")]
    [TestCase(2, "would serve every machine that reaches this one", "--host", "0.0.0.0")]
    [TestCase(2, "--port must be 0 to 65535, not 70000", "--port", "70000")]
    [TestCase(2, "--reasoning-field must be", "--reasoning-field", "thoughts")]
    [TestCase(2, "a key must be printable ASCII", "--api-key", "two words")]
    [TestCase(1, "--api-key-file: Could not find file", "--api-key-file", "no-such-file")]
    [TestCase(1, "--api-key-file: '/' is a directory", "--api-key-file", "/")]
    [TestCase(2, "--served-model-name must not be empty", "--served-model-name", "")]
    [TestCase(2, "--cors-origin must be", "--cors-origin", "https://a.example", "--cors-origin", "https://b.example/")]
    [TestCase(2, "--cors-origin must be", "--cors-origin", "a.example")]
    // An address for documentation, which no machine has.
    [TestCase(1, "cannot listen on 192.0.2.1:0: ", "--port", "0", "--host", "192.0.2.1", "--allow-unauthenticated")]
    [TestCase(2, "--top-p must be above 0, at most 1, not 7", "--top-p", "7")]
    [TestCase(1, "--context-length must be at most 1024, the model's limit of positions, not 5000\n", "--port", "0", "--context-length", "5000")]
    [TestCase(1, "no-such-model", "--port", "0", "--model", "no-such-model")]
    public void WhatIsWrongIsSaid(int code, string message, params string[] arguments)
    {
        CliRun run = CliRun.Of(["serve", .. arguments]);
        Assert.That(run.Code, Is.EqualTo(code), run.Error);
        Assert.That(run.Error, Does.Contain(message).And.Not.Contain("   at "));
    }

    [Test]
    public void AFileWithoutKeysIsAnError()
    {
        using TempFolder folder = new();
        string file = folder.File("keys");
        File.WriteAllText(file, "\n \n");
        CliRun run = CliRun.Of("serve", "--api-key-file", file);
        Assert.That((run.Code, run.Error), Is.EqualTo((2, $"error: {file} has no key\n")));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public async Task APortInUseIsAnError()
    {
        using Process first = CliProcess.Start("serve", "--port", "0");
        string port = Address().Match((await first.StandardError.ReadLineAsync())!).Groups[1].Value;
        CliRun second = CliRun.Of("serve", "--port", port);
        first.Kill();
        CliProcess.Await(first);
        Assert.That((second.Code, second.Error), Is.EqualTo((1, $"error: Failed to bind to address http://127.0.0.1:{port}: address already in use.\n")));
    }

    /// <summary>Such a file belongs to another program, and could open a port to every machine.</summary>
    [TestCase("{\"Kestrel\": {\"Endpoints\": {\"Open\": {\"Url\": \"http://127.0.0.1:PORT\"}}}}")]
    [TestCase("no JSON")]
    [Platform("Linux,MacOsX")]
    public async Task SettingsInTheCurrentDirectoryAreNotRead(string settings)
    {
        using TempFolder folder = new();
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        int other = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        File.WriteAllText(folder.File("appsettings.json"), settings.Replace("PORT", $"{other}", StringComparison.Ordinal));
        using Process process = CliProcess.StartCommand(["sh", "-c", $"cd {folder.Path} && exec \"$@\"", "sh", .. CliProcess.Command("serve", "--port", "0")]);
        string first = (await process.StandardError.ReadLineAsync())!;
        using TcpClient client = new();
        Exception? refused = await Assert.CatchAsync(() => client.ConnectAsync(IPAddress.Loopback, other));
        process.Kill();
        CliProcess.Await(process);
        Assert.That(first, Does.Match(Address().ToString()));
        Assert.That(refused, Is.InstanceOf<SocketException>());
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:(\d+)/")]
    private static partial Regex Address();
}

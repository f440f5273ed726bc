using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Server.Tests.Clients;

/// <summary>Runs the scripts of tests/clients, which use clients from npm.</summary>
internal static class NpmClients
{
    private static readonly string Folder = Path.Combine(TestData.RepositoryRoot, "tests", "clients");

    /// <summary>The object that a case of a script prints.</summary>
    public static async Task<JsonElement> RunAsync(string script, TestServer server, string name)
    {
        if (!Directory.Exists(Path.Combine(Folder, "node_modules")))
            Assert.Ignore("the clients are not installed: npm ci --prefix tests/clients");
        ProcessStartInfo start = new("node", [Path.Combine(Folder, script), server.Server.Address.ToString().TrimEnd('/'), name])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process node = Process.Start(start)!;
        Task<string> errors = node.StandardError.ReadToEndAsync();
        string output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        Assert.That(node.ExitCode, Is.Zero, $"{script} {name}: {await errors}");
        return JsonElement.Parse(output);
    }
}

using NUnit.Framework;
using SoftThinking.Server.Tests;

/// <summary>One server with the demonstration model for all tests that need nothing special.</summary>
[SetUpFixture]
internal sealed class SharedServer
{
    internal static TestServer Instance { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => Instance = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await Instance.DisposeAsync();
}

using System.CommandLine;
using Microsoft.Extensions.Logging;
using SoftThinking.Server;

namespace SoftThinking.Cli;

/// <summary>`serve`: an OpenAI-compatible server, and the page that shows thoughts.</summary>
internal static class ServeCommand
{
    private static readonly string[] Examples =
    [
        "serve",
        "serve --model ~/models/QwQ-32B --port 8080 --batch 32",
        "serve --host 0.0.0.0 --api-key-file keys.txt",
        "serve --max-topk 15 --temperature 0.7 --max-thinking-tokens 8192",
    ];

    public static Command Create(Terminal terminal)
    {
        ServeOptions options = new();
        GroupedCommand command = new("serve",
            "Serves a model over HTTP to OpenAI-compatible clients, with a page at / that shows how it thinks. Ctrl-C stops it.",
            options.Groups, Examples);
        command.SetAction((parsed, cancellation) => RunAsync(options.Read(parsed), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ServeSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        await using SoftThinkingServer server = new(settings.Server, LoadAsync, logging => logging.AddProvider(new ServeLog(terminal.Error)));
        await server.StartAsync(cancellation);
        terminal.Error.WriteLine($"{settings.Server.ModelName} is being loaded; the page will be at {server.Address}");
        await server.WaitAsync(cancellation);
        return ExitCode.Success;

        async Task<Engine> LoadAsync(Action<double> progress, CancellationToken stopping)
        {
            Engine engine = await Engine.LoadAsync(settings.Model.Path, settings.Engine with { LoadProgress = progress }, stopping);
            terminal.Error.WriteLine($"{settings.Server.ModelName} is ready: {engine.ContextLength:N0} positions, {settings.Engine.MaxSequences} sequences at once");
            return engine;
        }
    }
}

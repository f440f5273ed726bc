using System.CommandLine;
using System.Globalization;
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
        string name = settings.Server.ModelName;
        int context = 0;
        await using SoftThinkingServer server = new(settings.Server, LoadAsync, logging => logging.AddProvider(new ServeLog(terminal.Error)));
        await server.StartAsync(cancellation);
        terminal.Error.WriteLine($"{name} is being loaded; the page will be at {server.Address}");
        Task end = server.WaitAsync(cancellation);
        await Task.WhenAny(server.Loaded, end);
        if (server.Loaded.IsCompletedSuccessfully)
            terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} is ready: {context:N0} positions, {settings.Engine.MaxSequences} sequences at once"));
        await end;
        return ExitCode.Success;

        async Task<Engine> LoadAsync(Action<double> progress, CancellationToken stopping)
        {
            try
            {
                Engine engine = await Engine.LoadAsync(settings.Model.Path, settings.Engine with { LoadProgress = progress }, stopping);
                context = engine.ContextLength;
                ModelLoader.ReportFastPrefill(engine, terminal);
                return engine;
            }
            catch (ArgumentOutOfRangeException error) when (ServeOptions.NameOf(error.ParamName) is string option)
            {
                throw new ArgumentException(NumberOption.Rename(error, option), error);
            }
        }
    }
}

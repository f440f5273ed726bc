using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>`score`: what a model gives recorded sequences.</summary>
internal static class ScoreCommand
{
    private const int DefaultBatch = 16;

    private static readonly string[] Examples =
    [
        "score rollouts.safetensors",
        "score --model ~/models/QwQ-32B --json rollouts.jsonl",
        "score --json - < rollouts.jsonl | jq .token_log_p1",
    ];

    private static readonly Argument<string> File = new("FILE")
    {
        Description = "Recorded sequences: a file of generate --record, or a JSON object per line; - is standard input.",
        Validators = { OptionKinds.RefuseEmpty("FILE") },
    };

    private static readonly Option<bool> Json = OptionKinds.Flag("--json",
        "Print one JSON object per sequence, with the log-probabilities of every id.");

    private static readonly Option<int?> Batch = NumberOption.Create<int>("--batch",
        "Sequences scored concurrently, and positions whose logits are computed at once: 1 to 1024.", DefaultBatch,
        value => _ = new EngineOptions { MaxSequences = value });

    public static Command Create(Terminal terminal)
    {
        GroupedCommand command = new("score",
            "Computes the log-probabilities that a model gives recorded sequences, at every recorded token. FILE is what "
            + "generate --record wrote (.safetensors), or has an object per line with \"prompt_tokens\" and \"tokens\": ids, or concept tokens as "
            + "answers have them, with \"token\", \"ids\", \"probs\" and perhaps \"record\"; \"temperature\", a number or one for each token; or "
            + "\"sampling\", the options that the sequence was sampled with; and \"ids\", further ids to score at each token. "
            + "An invalid line yields an object with \"error\" and does not hold up the others; the exit code is then 1.",
            [new("options", [CommonOptions.Model, Batch, Json]), new("machine", CommonOptions.Machine)], Examples)
        {
            File,
        };
        command.SetAction((parsed, cancellation) => new ManyScores(Read(parsed), terminal).RunAsync(cancellation));
        return command;
    }

    private static ScoreSettings Read(ParseResult parsed) => new(
        ModelChoice.Of(parsed.GetValue(CommonOptions.Model)),
        parsed.GetValue(File)!,
        CommonOptions.ReadMachine(parsed) with
        {
            MaxSequences = parsed.GetValue(Batch) ?? DefaultBatch,
            MaxTopk = ConceptToken.MaxEntries,
            QueueLength = int.MaxValue, // ManyScores limits what it submits
        },
        parsed.GetValue(Json));
}

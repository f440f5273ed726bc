using System.CommandLine;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>`inspect`: describes a checkpoint and what it needs, without loading its weights.</summary>
internal static class InspectCommand
{
    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object." };

    public static Command Create(Terminal terminal)
    {
        GroupedCommand command = new("inspect",
            "Describes a checkpoint: architecture, sizes, memory needed, tokenizer and chat template. Checks every tensor without "
            + "loading the weights.",
            [new("options", [CommonOptions.Model, CommonOptions.KvDtype, CommonOptions.TensorParallel, Json])],
            ["inspect", "inspect --model ~/models/QwQ-32B", "inspect --model ~/models/QwQ-32B --tensor-parallel 4", "inspect --model ~/models/QwQ-32B --json | jq .memory"]);
        command.SetAction(parsed => Run(parsed, terminal));
        return command;
    }

    private static int Run(ParseResult parsed, Terminal terminal)
    {
        string? model = parsed.GetValue(CommonOptions.Model);
        ModelFacts facts = new(
            model ?? DemonstrationModel.Name,
            ModelInspection.Read(model ?? DemonstrationModel.Path, CommonOptions.ReadKvDtype(parsed), parsed.GetValue(CommonOptions.TensorParallel) ?? 1),
            CommonOptions.ReadKvDtype(parsed));
        if (parsed.GetValue(Json))
            InspectJson.Write(terminal.Out, facts);
        else
            InspectText.Write(terminal, facts);
        return ExitCode.Success;
    }
}

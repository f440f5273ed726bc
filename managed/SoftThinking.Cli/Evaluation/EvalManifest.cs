using System.Globalization;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Cli;

/// <summary>What an `eval` command asks for, as recorded in the results. No key and no address of a server is part of it.</summary>
internal static class EvalManifest
{
    public static RunManifest Of(EvalSettings settings)
    {
        EvaluationPlan plan = settings.Plan;
        bool shuffled = plan.Dataset.Kind == BenchmarkKind.Choice && !plan.KeepOptionOrder;
        return new RunManifest
        {
            Version = ProgramInfo.Version,
            Model = settings.Model.Name,
            Dataset = plan.Dataset.Name,
            DatasetSha256 = plan.Dataset.Sha256,
            StartIndex = plan.StartIndex,
            EndIndex = plan.EndIndex,
            Samples = plan.Samples,
            OptionSeed = shuffled ? plan.Seed : null,
            Common = CommonOf(settings),
            Runs = [.. plan.Runs.Select(run => new RunSetting(run.Setting.Name, run.Seed, run.Setting.Options))],
        };
    }

    private static Dictionary<string, string> CommonOf(EvalSettings settings)
    {
        GenerationRequest request = settings.Request;
        ChatPrompt chat = (ChatPrompt)request.Prompt;
        Dictionary<string, string> common = new()
        {
            ["max_new_tokens"] = string.Create(CultureInfo.InvariantCulture, $"{request.MaxNewTokens}"),
            ["min_new_tokens"] = request.MinNewTokens.ToString(CultureInfo.InvariantCulture),
            ["thinking"] = request.Thinking.ToString().ToLowerInvariant(),
            ["trace_items"] = settings.Plan.TracedItems.ToString(CultureInfo.InvariantCulture),
        };
        if (settings.Endpoints.Count == 0)
        {
            // The bits of the answers depend on these.
            common["weights"] = settings.Engine.Weights.ToString().ToLowerInvariant();
            common["kv_dtype"] = CommonOptions.NameOf(settings.Engine.KvDtype);
            common["fast_prefill"] = TextOf(settings.Engine.FastPrefill);
        }
        // Answers that did not run would stay undecided.
        if (settings.Plan.Dataset.IsCode)
            common["allow_code_execution"] = TextOf(settings.AllowCode);
        if (chat.Messages.Count > 0)
            common["system"] = chat.Messages[0].Content ?? "";
        if (chat.TemplateVariables != null)
            common["template_vars"] = chat.TemplateVariables.ToJsonString();
        if (request.StopStrings.Count > 0)
            common["stop"] = string.Join('|', request.StopStrings);
        if (request.StopInThinking)
            common["stop_in_thinking"] = TextOf(true);
        if (settings.Plan.Template != null)
            common["prompt_template"] = settings.Plan.Template;
        if (settings.Judge is (_, string judge))
            common["judge_model"] = judge;
        return common;
    }

    private static string TextOf(bool value) => value ? "true" : "false";
}

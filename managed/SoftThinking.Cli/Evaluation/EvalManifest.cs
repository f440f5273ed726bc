using System.Globalization;
using System.Text.Json;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;
using SoftThinking.Json;

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
            Runs = [.. plan.Runs.Select(run => new RunSetting(run.Setting.Name, run.Seed, OptionsOf(run.Setting.Sampling)))],
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
            common["kv_dtype"] = settings.Engine.KvDtype.ToString().ToLowerInvariant();
        }
        if (chat.Messages.Count > 0)
            common["system"] = chat.Messages[0].Content ?? "";
        if (chat.TemplateVariables != null)
            common["template_vars"] = chat.TemplateVariables.ToJsonString();
        if (request.StopStrings.Count > 0)
            common["stop"] = string.Join('|', request.StopStrings);
        if (settings.Plan.Template != null)
            common["prompt_template"] = settings.Plan.Template;
        if (settings.Judge is (_, string judge))
            common["judge_model"] = judge;
        return common;
    }

    private static Dictionary<string, string> OptionsOf(SamplingOptions sampling)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            SamplingJson.Write(json, sampling with { Seed = null });
            json.WriteEndObject();
        }
        using JsonDocument options = JsonDocument.Parse(bytes.ToArray());
        return options.RootElement.EnumerateObject().ToDictionary(option => option.Name, option => option.Value.ToString());
    }
}

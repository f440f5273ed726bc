using System.CommandLine;
using System.Globalization;
using NUnit.Framework;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>The options of `generate`: their defaults, what they set, and their ranges.</summary>
public class OptionTests
{
    [Test]
    public void DefaultsAreThePublishedOnes()
    {
        GenerateSettings settings = Read();

        Assert.That(settings.Request.Sampling, Is.EqualTo(new SamplingOptions
        {
            SoftThinking = true,
            MaxTopk = null, // 10, by the strategy
            Thinking = new() { Temperature = 0.6f, TopP = 0.95f, TopK = 30, MinP = 0.001f },
            AfterThinking = new() { Temperature = 0.6f, TopP = 0.95f, TopK = 30, MinP = 0 },
            EarlyStoppingEntropyThreshold = 0.01f,
            EarlyStoppingLengthThreshold = 256,
            ThinkStart = null,
            ThinkEnd = null,
            RepetitionPenalty = 1,
            Seed = 0,
        }));
        Assert.That(settings.Request.MaxNewTokens, Is.EqualTo(4096));
        Assert.That(settings.Engine, Is.EqualTo(new EngineOptions { Threads = 0, KvDtype = KvDtype.Bf16, MaxSequences = 1, MaxTopk = 10 }));
        Assert.That((settings.Prompts, settings.Request.Samples, settings.Request.LogProbs, settings.Many), Is.EqualTo(((string?)null, 1, (int?)null, false)));
        Assert.That(settings.Request.StopStrings, Is.Empty);
        Assert.That(settings.Model.Name, Is.EqualTo("tiny-reasoner"));
        Assert.That(Directory.Exists(settings.Model.Path), $"{settings.Model.Path} must be beside the program");
    }

    [Test]
    public void ADeviceMayHaveANumber()
    {
        Assert.That(Read("--device", "cuda:3").Engine, Has.Property(nameof(EngineOptions.DeviceOrdinal)).EqualTo(3)
            .And.Property(nameof(EngineOptions.Device)).EqualTo(ComputeDevice.Cuda));
        Assert.That(Read("--device", "cuda").Engine.DeviceOrdinal, Is.Zero);
    }

    /// <summary>What the model's makers recommend holds for thoughts and answer, where no option says otherwise.</summary>
    [Test]
    public void TheModelsOwnDefaultsMayReplaceThePublishedOnes()
    {
        GenerationDefaults defaults = new() { Temperature = 1.5, TopK = 7, RepetitionPenalty = 1.25, EosIds = [] };
        Assert.That(Read().ModelRequest, Is.Null);
        SamplingOptions sampling = Read("--model-defaults", "--temperature", "0.7", "--seed", "4").ModelRequest!(defaults).Sampling;
        Assert.That((sampling.Thinking.Temperature, sampling.AfterThinking.Temperature), Is.EqualTo((0.7f, 1.5f)));
        Assert.That((sampling.Thinking.TopK, sampling.AfterThinking.TopK), Is.EqualTo((7, 7)));
        Assert.That((sampling.Thinking.TopP, sampling.RepetitionPenalty, sampling.Seed), Is.EqualTo((0.95f, 1.25f, 4ul)));
        SamplingOptions greedy = Read("--model-defaults").ModelRequest!(defaults with { DoSample = false }).Sampling;
        Assert.That((greedy.Thinking.Temperature, greedy.AfterThinking.Temperature), Is.EqualTo((0f, 0f)));
    }

    [Test]
    public void FastPrefillComputesLongSteps()
    {
        Assert.That((Read().Engine.FastPrefill, Read().Engine.StepTokens), Is.EqualTo((false, new EngineOptions().StepTokens)));
        EngineOptions fast = Read("--fast-prefill").Engine;
        Assert.That((fast.BlockingWaits, Read("--blocking-waits").Engine.BlockingWaits), Is.EqualTo((false, true)));
        Assert.That((fast.FastPrefill, fast.StepTokens), Is.EqualTo((true, 2048)));
    }

    [TestCase("--max-topk 7", nameof(SamplingOptions.MaxTopk), 7)]
    [TestCase("--temperature 0.25", "Thinking.Temperature", 0.25f)]
    [TestCase("--top-p 0.5", "Thinking.TopP", 0.5f)]
    [TestCase("--top-k -1", "Thinking.TopK", -1)]
    [TestCase("--min-p 0.125", "Thinking.MinP", 0.125f)]
    [TestCase("--after-thinking-temperature 0", "AfterThinking.Temperature", 0f)]
    [TestCase("--after-thinking-top-p 1", "AfterThinking.TopP", 1f)]
    [TestCase("--after-thinking-top-k 3", "AfterThinking.TopK", 3)]
    [TestCase("--after-thinking-min-p 0.5", "AfterThinking.MinP", 0.5f)]
    [TestCase("--early-stopping-entropy-threshold 0.5", nameof(SamplingOptions.EarlyStoppingEntropyThreshold), 0.5f)]
    [TestCase("--early-stopping-length-threshold 9", nameof(SamplingOptions.EarlyStoppingLengthThreshold), 9)]
    [TestCase("--max-thinking-tokens 0", nameof(SamplingOptions.MaxThinkingTokens), 0)]
    [TestCase("--think-start-str X", nameof(SamplingOptions.ThinkStart), "X")]
    [TestCase("--think-end-str X", nameof(SamplingOptions.ThinkEnd), "X")]
    [TestCase("--think-end-text Y", nameof(SamplingOptions.ThinkEndText), "Y")]
    [TestCase("--dirichlet-alpha 2.5", "Strategy.DirichletAlpha", 2.5f)]
    [TestCase("--gumbel-softmax-temperature 0.5", "Strategy.GumbelSoftmaxTemperature", 0.5f)]
    [TestCase("--strategy gumbel --gumbel-temperature 2", "Strategy.GumbelTemperature", 2f)]
    [TestCase("--router-threshold 0.25 --strategy think-router", "Strategy.RouterThreshold", 0.25f)]
    [TestCase("--cusum-threshold 2", "Cusum.Threshold", 2f)]
    [TestCase("--deepconf-window 7", "DeepConf.Window", 7)]
    [TestCase("--eat-interval 3", "Eat.Interval", 3)]
    [TestCase("--deer-max-probes 4", "Deer.MaxProbes", 4)]
    [TestCase("--repetition-penalty 1.5", nameof(SamplingOptions.RepetitionPenalty), 1.5f)]
    [TestCase("--frequency-penalty -0.5", nameof(SamplingOptions.FrequencyPenalty), -0.5f)]
    [TestCase("--presence-penalty 0.5", nameof(SamplingOptions.PresencePenalty), 0.5f)]
    [TestCase("--seed 18446744073709551615", nameof(SamplingOptions.Seed), ulong.MaxValue)]
    [TestCase("--no-soft-thinking", nameof(SamplingOptions.SoftThinking), false)]
    [TestCase("--cold-stop-after-thinking", nameof(SamplingOptions.ColdStopAfterThinking), true)]
    public void EachOptionSetsItsProperty(string option, string property, object value)
    {
        string[] path = property.Split('.');
        object set = Read(option.Split(' ')).Request.Sampling;
        foreach (string name in path)
            set = set.GetType().GetProperty(name)!.GetValue(set)!;

        Assert.That(set, Is.EqualTo(value));
    }

    [Test]
    public void OptionsOfTheMachineArrive()
    {
        GenerateSettings settings = Read("--threads", "3", "--kv-dtype", "f32", "--device", "cpu", "--max-new-tokens", "9", "--model", "m");

        Assert.That(settings.Engine, Is.EqualTo(new EngineOptions { Threads = 3, KvDtype = KvDtype.F32, Device = ComputeDevice.Cpu, MaxSequences = 1, MaxTopk = 10 }));
        Assert.That((settings.Request.MaxNewTokens, settings.Model.Path), Is.EqualTo((9, "m")));
    }

    [Test]
    public void OptionsOfManyTextsArrive()
    {
        GenerateSettings settings = Read("--prompts", "f", "--batch", "5", "--samples", "3", "--stop", "a", "--stop", "b", "--log-probs", "2");

        Assert.That((settings.Prompts, settings.Engine.MaxSequences, settings.Request.Samples, settings.Request.LogProbs), Is.EqualTo(("f", 5, 3, 2)));
        Assert.That(settings.Request.StopStrings, Is.EqualTo(new[] { "a", "b" }));
        Assert.That(Read("--prompts", "f").Engine.MaxSequences, Is.EqualTo(16));
        Assert.That(Read("--json", "--samples", "4").Engine.MaxSequences, Is.EqualTo(4));
    }

    [Test]
    public void NumbersReadTheSameInEveryLocale()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            Assert.That(Read("--temperature", "0.25").Request.Sampling.Thinking.Temperature, Is.EqualTo(0.25f));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestCase("--max-topk 0", "--max-topk must be 1 to 1024, not 0")]
    [TestCase("--temperature -1", "--temperature must be 0, or 0.0001 to 100, not -1")]
    [TestCase("--temperature NaN", "--temperature must be 0, or 0.0001 to 100, not NaN")]
    [TestCase("--top-p 0", "--top-p must be above 0, at most 1, not 0")]
    [TestCase("--min-p 1.5", "--min-p must be 0 to 1, not 1.5")]
    [TestCase("--after-thinking-temperature 101", "--after-thinking-temperature must be 0, or 0.0001 to 100, not 101")]
    [TestCase("--after-thinking-top-p 2", "--after-thinking-top-p must be above 0, at most 1, not 2")]
    [TestCase("--after-thinking-min-p -1", "--after-thinking-min-p must be 0 to 1, not -1")]
    [TestCase("--early-stopping-entropy-threshold -1", "--early-stopping-entropy-threshold must be 0 to 1000 nats, not -1")]
    [TestCase("--early-stopping-length-threshold 0", "--early-stopping-length-threshold must be 1 or more, not 0")]
    [TestCase("--max-thinking-tokens -1", "--max-thinking-tokens must be 0 or more, not -1")]
    [TestCase("--max-new-tokens 0", "--max-new-tokens must be 1 or more, not 0")]
    [TestCase("--dirichlet-alpha -1", "--dirichlet-alpha must be 0 to 1000000, not -1")]
    [TestCase("--gumbel-softmax-temperature 1000", "--gumbel-softmax-temperature must be 0, or 0.0001 to 100, not 1000")]
    [TestCase("--repetition-penalty 0", "--repetition-penalty must be 0.0001 to 100, not 0")]
    [TestCase("--frequency-penalty 101", "--frequency-penalty must be -100 to 100, not 101")]
    [TestCase("--presence-penalty -101", "--presence-penalty must be -100 to 100, not -101")]
    [TestCase("--threads 1025", "--threads must be 0 to 1024, not 1025")]
    [TestCase("--hard-ids 1,99999999999", "--hard-ids must be whole numbers from 0 to 2147483647 with commas between them, not '1,99999999999'")]
    [TestCase("--hard-ids 1;2", "--hard-ids must be whole numbers from 0 to 2147483647 with commas between them, not '1;2'")]
    [TestCase("--noise-clamp 1", "--noise-clamp must be two numbers with a comma between them, not '1'")]
    [TestCase("--max-new-tokens 99999999999", "--max-new-tokens must be a whole number from -2147483648 to 2147483647, not '99999999999'")]
    [TestCase("--seed -1", "--seed must be a whole number from 0 to 18446744073709551615, not '-1'")]
    [TestCase("--top-p much", "--top-p must be a number, not 'much'")]
    [TestCase("--top-p 0,5", "--top-p must be a number, not '0,5'")]
    [TestCase("--kv-dtype f16", "--kv-dtype must be bf16 or f32 or int8, not 'f16'")]
    [TestCase("--device tpu", "--device must be auto or cpu or cuda or cuda:N with N from 0 to 1023, not 'tpu'")]
    [TestCase("--device cuda:x", "--device must be auto or cpu or cuda or cuda:N with N from 0 to 1023, not 'cuda:x'")]
    [TestCase("--device cuda:1024", "--device must be auto or cpu or cuda or cuda:N with N from 0 to 1023, not 'cuda:1024'")]
    [TestCase("--bogus", "unknown command or option '--bogus'")]
    [TestCase("--prompt-file x", "--prompt and --prompt-file cannot be combined")]
    [TestCase("--prompts x", "--prompts cannot be combined with --prompt or --prompt-file")]
    [TestCase("--batch 0", "--batch must be 1 to 1024, not 0")]
    [TestCase("--samples 257 --json", "--samples must be 1 to 256, not 257")]
    [TestCase("--samples 2", "--samples needs --json or --prompts")]
    [TestCase("--log-probs 21 --json", "--log-probs must be 0 to 20, not 21")]
    [TestCase("--log-probs 2", "--log-probs needs --json or --prompts")]
    [TestCase("--samples 2 --json --trace x", "--trace works with a single answer; --prompts and --samples generate several")]
    [TestCase("--stop ", "--stop must be at most 16 texts, none of them empty")]
    [TestCase("--template-var x", "--template-var must be NAME=VALUE, not 'x'")]
    [TestCase("--template-var =x", "--template-var must be NAME=VALUE, not '=x'")]
    [TestCase("--template-var messages=[]", "--template-var: the template variable 'messages' is set by the engine itself")]
    [TestCase("--template-var x=\"\\ud800\"", "--template-var: the template variable 'x' must be Unicode text")]
    [TestCase("--template-var x=1 --raw", "--template-var needs the chat template, which --raw switches off")]
    [TestCase("--think-start-str ", "--think-start-str must not be empty")]
    [TestCase("--raw --system x", "--system needs the chat template, which --raw switches off")]
    public void UsageErrorsNameTheOptionAndItsRange(string options, string message)
    {
        CliRun run = CliRun.Of(["generate", "--prompt", "x", .. options.Split(' ')]);

        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error.Split('\n')[0].TrimEnd(), Is.EqualTo($"error: {message}"));
        Assert.That(run.Out, Is.Empty);
    }

    [TestCase("", "there is no command")]
    [TestCase("genrate", "unknown command or option 'genrate'")]
    [TestCase("generate --prompts -", "--prompts -: standard input is a terminal")]
    [TestCase("generate", "there is no prompt: use --prompt, --prompt-file, or text on standard input")]
    public void MissingPartsAreUsageErrors(string arguments, string message)
    {
        CliRun run = CliRun.Of(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.StartWith($"error: {message}"));
    }

    private static GenerateSettings Read(params string[] arguments)
    {
        GenerateOptions options = new();
        GroupedCommand command = new("generate", "", options.Groups, []);
        ParseResult parsed = command.Parse(arguments);
        Assert.That(parsed.Errors.Select(error => error.Message), Is.Empty);
        return options.Read(parsed);
    }
}

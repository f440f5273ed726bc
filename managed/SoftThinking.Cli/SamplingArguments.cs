using System.CommandLine;
using System.Globalization;
using System.Numerics;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>The sampling options on the command line, with hyphens in place of the underscores of their JSON keys: "top_p" is
/// "--top-p". The library defines their names, defaults and ranges.</summary>
internal sealed class SamplingArguments
{
    private readonly List<Func<ParseResult, SamplingOptions, SamplingOptions>> _values = [];
    private readonly ILookup<SamplingSection, Option?> _options;
    private readonly SamplingOptions _published;

    /// <param name="seed">Default of --seed; null for a random one.</param>
    public SamplingArguments(ulong? seed)
    {
        _published = new SamplingOptions { Seed = seed };
        _options = SamplingJson.Keys.ToLookup(key => key.Section, Create);
    }

    /// <summary>The options of a section.</summary>
    public Option[] Of(SamplingSection section) => [.. _options[section].OfType<Option>()];

    /// <summary>The options of a command line.</summary>
    /// <param name="defaults">What the model's makers recommend, for the options that are not given; null for the published values.</param>
    /// <exception cref="UsageException">A text is out of range.</exception>
    public SamplingOptions Read(ParseResult parsed, GenerationDefaults? defaults = null)
    {
        SamplingOptions start = defaults == null
            ? _published
            : new GenerationRequest { Prompt = new TextPrompt(""), Sampling = _published }.WithDefaults(defaults).Sampling;
        return _values.Aggregate(start, (options, apply) => apply(parsed, options));
    }

    /// <summary>The option of a key; null for one that only JSON has.</summary>
    private Option? Create(SamplingKey key) => key switch
    {
        SamplingKey<bool> flag => Flag(flag),
        SamplingKey<int> number => Number(number),
        SamplingKey<float> number => Number(number),
        SamplingKey<ulong> number => Number(number),
        SamplingKey<string> text => Text(text),
        SamplingKey<IReadOnlyList<int>> ids => List(ids, "IDS", "whole numbers from 0 to 2147483647 with commas between them", ParseIds),
        SamplingKey<(float, float)> bounds => List(bounds, "LOW,HIGH", "two numbers with a comma between them", ParseBounds),
        _ => null,
    };

    private Option<T?> Number<T>(SamplingKey<T> key) where T : struct, INumber<T>, IMinMaxValue<T>
    {
        T? preset = key.TryGet(_published, out T value) ? value : null;
        Option<T?> option = NumberOption.Create<T>(NameOf(key), key.Description, preset, number => Check(key, number));
        _values.Add((parsed, options) => IsGiven(parsed, option) && parsed.GetValue(option) is T given ? Set(key, options, given) : options);
        return option;
    }

    private Option<string?> Text(SamplingKey<string> key)
    {
        Option<string?> option = new(NameOf(key)) { Description = key.Description, HelpName = "TEXT" };
        if (key.TryGet(_published, out string? preset))
            option.DefaultValueFactory = _ => preset;
        _values.Add((parsed, options) => IsGiven(parsed, option) ? Set(key, options, parsed.GetValue(option)!) : options);
        return option;
    }

    private Option<bool> Flag(SamplingKey<bool> key)
    {
        Option<bool> option = new(NameOf(key)) { Description = key.Description };
        _values.Add((parsed, options) => IsGiven(parsed, option) ? Set(key, options, parsed.GetValue(option)) : options);
        return option;
    }

    /// <summary>Values with commas between them.</summary>
    private Option<string?> List<T>(SamplingKey<T> key, string help, string kind, Func<string[], T> parse) where T : notnull
    {
        Option<string?> option = new(NameOf(key)) { Description = key.Description, HelpName = help };
        _values.Add((parsed, options) => IsGiven(parsed, option) ? Set(key, options, Parse(parsed.GetValue(option)!)) : options);
        return option;

        T Parse(string text)
        {
            try
            {
                return parse(text.Split(','));
            }
            catch (Exception error) when (error is FormatException or OverflowException)
            {
                throw new UsageException($"{NameOf(key)} must be {kind}, not '{text}'");
            }
        }
    }

    // The range of a strategy's parameter is that of the strategy, which is known when all options are.
    private void Check<T>(SamplingKey<T> key, T value) where T : notnull
    {
        if (key.Section != SamplingSection.Strategy)
            key.Set(_published, value);
    }

    private static SamplingOptions Set<T>(SamplingKey<T> key, SamplingOptions options, T value) where T : notnull
    {
        try
        {
            return key.Set(options, value);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new UsageException(NumberOption.Rename(error, NameOf(key)));
        }
        catch (ArgumentException error)
        {
            throw new UsageException(error.Message.Replace(key.Name, NameOf(key), StringComparison.Ordinal));
        }
    }

    private static IReadOnlyList<int> ParseIds(string[] parts) => [.. parts.Select(part => int.Parse(part, NumberStyles.Integer, CultureInfo.InvariantCulture))];

    private static (float, float) ParseBounds(string[] parts) => parts is [string low, string high]
        ? (float.Parse(low, CultureInfo.InvariantCulture), float.Parse(high, CultureInfo.InvariantCulture))
        : throw new FormatException();

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static string NameOf(SamplingKey key) => "--" + key.Name.Replace('_', '-');
}

using System.Text;
using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads the steps of a pre-tokenizer in a tokenizer.json.</summary>
/// <param name="addPrefixSpace">Overrides the setting of a ByteLevel step; null leaves it.</param>
internal sealed class PreTokenizerReader(TokenizerJson json, bool? addPrefixSpace)
{
    /// <summary>The punctuation of Hugging Face's tokenizers: that of Unicode, and the other ASCII symbols.</summary>
    private const string Punctuation = @"[\p{P}$+<=>\^`|~]";

    public SplitStage Read(JsonElement step, string type) => type switch
    {
        "ByteLevel" => SplitStage.ByteLevel(
            addPrefixSpace ?? json.Flag(step, type, "add_prefix_space"),
            json.Flag(step, type, "use_regex", absent: true)),
        "Split" => new SplitStage
        {
            Pattern = ReadPattern(step),
            Behavior = ReadBehavior(step, type, absent: null),
            Inverted = json.Flag(step, type, "invert"),
        },
        "Digits" => new SplitStage
        {
            Pattern = new SplitPattern(json.Flag(step, type, "individual_digits") ? @"\p{N}" : @"\p{N}+"),
        },
        "Punctuation" => new SplitStage
        {
            Pattern = new SplitPattern(Punctuation),
            Behavior = ReadBehavior(step, type, absent: SplitBehavior.Isolated),
        },
        "Metaspace" => ReadMetaspace(step),
        _ => throw json.Invalid($"the pre-tokenizer {HostileText.Quote(type)} is not supported, only Split, Digits, Punctuation, Metaspace and ByteLevel"),
    };

    private SplitBehavior ReadBehavior(JsonElement step, string where, SplitBehavior? absent)
    {
        if (absent is SplitBehavior behavior && !json.Has(step, where, "behavior", out _))
            return behavior;
        string name = json.Text(step, where, "behavior");
        return Enum.GetNames<SplitBehavior>().Contains(name)
            ? Enum.Parse<SplitBehavior>(name)
            : throw json.Invalid($"the behavior {HostileText.Quote(name)} of {where} is not supported, only {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }

    // A pattern is a regular expression, or a text that is meant literally.
    private SplitPattern ReadPattern(JsonElement step)
    {
        const string Where = "the pattern of Split";
        JsonElement pattern = json.Member(step, "Split", "pattern", JsonValueKind.Object);
        bool isLiteral = json.Has(pattern, Where, "String", out _);
        string text = json.Text(pattern, Where, isLiteral ? "String" : "Regex");
        try
        {
            return new SplitPattern(isLiteral ? Escape(text) : text);
        }
        catch (FormatException error)
        {
            throw json.Invalid($"the pattern {HostileText.Quote(text)} of Split is not supported: {error.Message}", error);
        }
    }

    private SplitStage ReadMetaspace(JsonElement step)
    {
        const string Where = "Metaspace";
        if (json.Text(step, Where, "replacement") is not [char replacement])
            throw json.Invalid($"'replacement' of {Where} is not one character");
        string scheme = json.Has(step, Where, "prepend_scheme", out _) ? json.Text(step, Where, "prepend_scheme") : "always";
        if (scheme is not ("always" or "first" or "never"))
            throw json.Invalid($"'prepend_scheme' of {Where} is {HostileText.Quote(scheme)}, not always, first or never");
        // The older name of the setting.
        bool prefixes = scheme != "never" && json.Flag(step, Where, "add_prefix_space", absent: true);
        return new SplitStage
        {
            SpaceStandIn = replacement,
            Prefix = prefixes ? replacement : null,
            PrefixesStartOnly = scheme == "first",
            Pattern = json.Flag(step, Where, "split", absent: true) ? new SplitPattern(Escape(replacement.ToString())) : null,
            Behavior = SplitBehavior.MergedWithNext,
        };
    }

    private static string Escape(string text)
    {
        StringBuilder escaped = new();
        foreach (char c in text)
            escaped.Append(char.IsAsciiLetterOrDigit(c) || c is <= ' ' or > '~' ? "" : "\\").Append(c);
        return escaped.ToString();
    }
}

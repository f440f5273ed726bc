using System.Globalization;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>Parses the subset of Oniguruma's syntax that pre-tokenizers use: alternatives, groups, look-ahead, ends of
/// lines, classes of characters and categories, greedy and possessive quantifiers, and case-insensitive words. Everything else is
/// refused, because a pattern with another meaning than in the model's tokenizer would go unnoticed.</summary>
internal sealed class SplitPatternParser
{
    private const int MaxDepth = 16;
    private const int MaxCount = 1000;

    // One character whose case folding is two or three letters, such as ß for ss, matches these letters.
    private static readonly string[] MultipleFoldings = ["ss", "st", "ff", "fi", "fl"];

    private readonly string _pattern;
    private int _at;
    private int _depth;

    private SplitPatternParser(string pattern) => _pattern = pattern;

    /// <exception cref="FormatException">The pattern contains something that is not supported, or is invalid; the message
    /// says what and where.</exception>
    public static PatternSyntax Parse(string pattern)
    {
        var parser = new SplitPatternParser(pattern);
        PatternSyntax syntax = parser.ParseChoice(ignoreCase: false);
        if (parser._at < pattern.Length)
            throw parser.Unsupported("an unmatched ')'");
        if (syntax.MinimumLength == 0)
            throw new FormatException("the pattern can match nothing at all");
        return syntax;
    }

    private bool AtEnd => _at >= _pattern.Length;

    private PatternSyntax ParseChoice(bool ignoreCase)
    {
        if (++_depth > MaxDepth)
            throw Unsupported($"groups nested deeper than {MaxDepth}");
        var branches = new List<PatternSyntax>();
        do
        {
            branches.Add(ParseChain(ignoreCase));
        }
        while (Skip("|"));
        _depth--;
        return branches.Count == 1 ? branches[0] : new PatternSyntax.Choice(branches);
    }

    private PatternSyntax ParseChain(bool ignoreCase)
    {
        int start = _at;
        var items = new List<PatternSyntax>();
        while (!AtEnd && _pattern[_at] is not ('|' or ')'))
            items.Add(ignoreCase ? ParseCaseless() : ParseItem());
        string source = _pattern[start.._at];
        if (ignoreCase && MultipleFoldings.Any(letters => source.Contains(letters, StringComparison.OrdinalIgnoreCase)))
            throw Unsupported($"'{source}' in a case-insensitive group, which single characters such as ß match too");
        return new PatternSyntax.Chain(items);
    }

    // A letter, or a class of letters.
    private PatternSyntax.Repeat ParseCaseless()
    {
        List<CharacterClass> letters = [];
        if (Skip("["))
        {
            do
            {
                letters.Add(ParseCaselessLetter());
            }
            while (!Skip("]"));
        }
        else
            letters.Add(ParseCaselessLetter());
        return new PatternSyntax.Repeat(new CharacterClass(0, [], [.. letters], negated: false), 1, 1, Possessive: false);
    }

    // Only plain ASCII characters: for these the other spellings are known.
    private CharacterClass ParseCaselessLetter()
    {
        char c = AtEnd ? throw Unsupported("'[' without ']'") : _pattern[_at];
        if (!char.IsAscii(c) || @"\[](){}?*+.^$-&".Contains(c))
            throw Unsupported($"'{c}' inside (?i: )");
        _at++;
        char lower = char.ToLowerInvariant(c);
        return lower switch
        {
            'k' => CharacterClass.Of('k', 'K', 0x212A), // the Kelvin sign
            's' => CharacterClass.Of('s', 'S', 0x017F), // the long s
            _ => CharacterClass.Of(lower, char.ToUpperInvariant(c)),
        };
    }

    private PatternSyntax ParseItem()
    {
        if (_pattern[_at] == '(')
            return ParseGroup();
        if (Skip("$"))
            return new PatternSyntax.LineEnd();
        CharacterClass set = ParseSingle();
        (int min, int max, bool possessive) = ParseQuantifier();
        return new PatternSyntax.Repeat(set, min, max, possessive);
    }

    private PatternSyntax ParseGroup()
    {
        PatternSyntax group;
        if (Skip("(?!") || Skip("(?="))
        {
            bool negative = _pattern[_at - 1] == '!';
            group = new PatternSyntax.Look(ParseChoice(ignoreCase: false), negative);
        }
        else
        {
            bool ignoreCase = Skip("(?i:");
            if (!ignoreCase && !Skip("(?:"))
                Expect("(");
            if (!AtEnd && _pattern[_at] == '?')
                throw Unsupported("this kind of group");
            group = ParseChoice(ignoreCase);
        }
        Expect(")");
        (int min, int max, bool possessive) = ParseQuantifier();
        return (min, max, possessive) switch
        {
            (1, 1, _) => group,
            (0, 1, false) when group is not PatternSyntax.Look => new PatternSyntax.Optional(group),
            _ => throw Unsupported("a quantifier other than '?' after a group"),
        };
    }

    private (int Min, int Max, bool Possessive) ParseQuantifier()
    {
        if (AtEnd)
            return (1, 1, false);
        (int min, int max) = _pattern[_at] switch
        {
            '?' => (0, 1),
            '*' => (0, int.MaxValue),
            '+' => (1, int.MaxValue),
            '{' => ParseCounts(),
            _ => (-1, -1),
        };
        if (min < 0)
            return (1, 1, false);
        bool counted = _pattern[_at] == '}';
        _at++;
        bool possessive = !counted && Skip("+");
        // After a count, a plus repeats the repetition: Oniguruma is possessive only after ?, * and +.
        if (counted && min == 1 && Skip("+"))
            max = int.MaxValue;
        if (!AtEnd && _pattern[_at] is '?' or '*' or '+' or '{')
            throw Unsupported("a lazy or doubled quantifier");
        return (min, max, possessive);
    }

    // Leaves the position at the closing brace.
    private (int Min, int Max) ParseCounts()
    {
        int close = _pattern.IndexOf('}', _at);
        if (close < 0)
            throw Unsupported("'{' without '}'");
        string[] counts = _pattern[(_at + 1)..close].Split(',');
        int min = ParseCount(counts[0]);
        int max = counts.Length switch
        {
            1 => min,
            2 when counts[1].Length == 0 => int.MaxValue,
            2 => ParseCount(counts[1]),
            _ => throw Unsupported("this count"),
        };
        if (max < min)
            throw Unsupported("a count whose end is below its beginning");
        _at = close;
        return (min, max);
    }

    private int ParseCount(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= MaxCount
            ? count
            : throw Unsupported($"the count '{digits}'");

    private CharacterClass ParseSingle()
    {
        switch (_pattern[_at])
        {
            case '[':
                return ParseClass();
            case '\\':
                return ParseEscape();
            case '.':
                _at++;
                return CharacterClass.Of('\n').Negate();
            case '?' or '*' or '+' or '{' or '^':
                throw Unsupported($"'{_pattern[_at]}' here");
            default:
                return CharacterClass.Of(TakeCodePoint());
        }
    }

    private CharacterClass ParseClass()
    {
        Expect("[");
        bool negated = Skip("^");
        var ranges = new List<(int, int)>();
        var parts = new List<CharacterClass>();
        bool empty = true;
        while (!Skip("]"))
        {
            if (AtEnd)
                throw Unsupported("'[' without ']'");
            // A leading ']', nested classes and intersections have special meanings in Oniguruma.
            if (_pattern[_at] is '[' || Looking("&&"))
                throw Unsupported("a class inside a class");
            empty = false;
            if (_pattern[_at] == '\\')
            {
                parts.Add(ParseEscape());
                if (Looking("-") && !Looking("-]"))
                    throw Unsupported("a range from an escape");
                continue;
            }
            int first = TakeCodePoint();
            int last = first;
            if (Looking("-") && !Looking("-]"))
            {
                Expect("-");
                if (AtEnd || _pattern[_at] is '\\' or '[')
                    throw Unsupported("a range to an escape");
                last = TakeCodePoint();
            }
            if (last < first)
                throw Unsupported("a range whose end is below its beginning");
            ranges.Add((first, last));
        }
        if (empty)
            throw Unsupported("an empty class");
        return new CharacterClass(0, [.. ranges], [.. parts], negated);
    }

    private CharacterClass ParseEscape()
    {
        Expect("\\");
        if (AtEnd)
            throw Unsupported("'\\' at the end");
        char c = _pattern[_at++];
        return c switch
        {
            'r' => CharacterClass.Of('\r'),
            'n' => CharacterClass.Of('\n'),
            't' => CharacterClass.Of('\t'),
            's' => CharacterClass.WhiteSpace,
            'S' => CharacterClass.WhiteSpace.Negate(),
            'd' => CharacterClass.OfCategories(CharacterClass.CategoriesByName["Nd"]),
            'D' => CharacterClass.OfCategories(CharacterClass.CategoriesByName["Nd"]).Negate(),
            'p' => ParseCategory(),
            'P' => ParseCategory().Negate(),
            _ when char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) => CharacterClass.Of(c),
            _ => throw Unsupported($"'\\{c}'"),
        };
    }

    private CharacterClass ParseCategory()
    {
        int close = Looking("{") ? _pattern.IndexOf('}', _at) : -1;
        if (close < 0)
            throw Unsupported("'\\p' without a name in braces");
        string name = _pattern[(_at + 1)..close];
        if (!CharacterClass.CategoriesByName.TryGetValue(name, out uint categories))
            throw Unsupported($"'\\p{{{name}}}'");
        _at = close + 1;
        return CharacterClass.OfCategories(categories);
    }

    private int TakeCodePoint()
    {
        if (!Rune.TryGetRuneAt(_pattern, _at, out Rune rune))
            throw Unsupported("half a surrogate pair");
        _at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    private bool Looking(string text) => string.CompareOrdinal(_pattern, _at, text, 0, text.Length) == 0;

    private bool Skip(string text)
    {
        if (!Looking(text))
            return false;
        _at += text.Length;
        return true;
    }

    private void Expect(string text)
    {
        if (!Skip(text))
            throw Unsupported($"no '{text}' where one is due");
    }

    private FormatException Unsupported(string what) => new($"{what}, at character {_at}");
}

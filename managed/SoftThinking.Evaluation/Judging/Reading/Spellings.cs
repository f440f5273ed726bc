namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>What commands, words and characters stand for.</summary>
internal static class Spellings
{
    /// <summary>Commands and their tokens; a kind of End means that the command is dropped.</summary>
    public static readonly IReadOnlyDictionary<string, (TokenKind Kind, string Text)> Commands = Table(
        (TokenKind.End, "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle scriptstyle limits nolimits "
            + "quad qquad thinspace , ; : ! > hfill hspace tiny small large Large normalsize boldmath ( ) [ ]", null),
        (TokenKind.Operator, "cdot times ast", "*"),
        (TokenKind.Operator, "div slash", "/"),
        (TokenKind.Operator, "pm", "±"),
        (TokenKind.Operator, "mp", "∓"),
        (TokenKind.Operator, "le leq leqslant", "≤"),
        (TokenKind.Operator, "ge geq geqslant", "≥"),
        (TokenKind.Operator, "lt", "<"),
        (TokenKind.Operator, "gt", ">"),
        (TokenKind.Operator, "ne neq", "≠"),
        (TokenKind.Operator, "approx approxeq simeq", "≈"),
        (TokenKind.Operator, "equiv", "="),
        (TokenKind.Operator, "cup", "∪"),
        (TokenKind.Operator, "cap", "∩"),
        (TokenKind.Operator, "in", "∈"),
        (TokenKind.Operator, "setminus backslash", "∖"),
        (TokenKind.Operator, "colon", ":"),
        (TokenKind.Operator, "mid vert lvert rvert", "|"),
        (TokenKind.Operator, "land wedge", "and"),
        (TokenKind.Operator, "lor vee", "or"),
        (TokenKind.Operator, "degree circ", "°"),
        (TokenKind.Operator, "prime", "'"),
        (TokenKind.Operator, "%", "%"),
        (TokenKind.Operator, "\\", "\\"),
        (TokenKind.Text, "$", "$"),
        (TokenKind.Text, "pounds", "£"),
        (TokenKind.Text, "euro", "€"),
        (TokenKind.Open, "{ lbrace", "\\{"),
        (TokenKind.Close, "} rbrace", "\\}"),
        (TokenKind.Open, "langle", "⟨"),
        (TokenKind.Close, "rangle", "⟩"),
        (TokenKind.Open, "lfloor", "⌊"),
        (TokenKind.Close, "rfloor", "⌋"),
        (TokenKind.Open, "lceil", "⌈"),
        (TokenKind.Close, "rceil", "⌉"),
        (TokenKind.Open, "lbrack", "["),
        (TokenKind.Close, "rbrack", "]"),
        (TokenKind.Open, "lparen", "("),
        (TokenKind.Close, "rparen", ")"),
        (TokenKind.Symbol, "pi", "π"),
        (TokenKind.Symbol, "infty infin", "∞"),
        (TokenKind.Symbol, "imath", "i"),
        (TokenKind.Symbol, "ldots dots cdots", "ldots"),
        (TokenKind.Symbol, "Reals reals R", "ℝ"),
        (TokenKind.Command, "frac dfrac tfrac cfrac", "frac"),
        (TokenKind.Command, "binom dbinom tbinom", "binom"),
        (TokenKind.Command, "sqrt", "sqrt"),
        (TokenKind.Command, "overline bar", "overline"),
        (TokenKind.Command, "vec hat widehat tilde overrightarrow widetilde underline angle triangle", "accent"),
        (TokenKind.Command, "emptyset varnothing", "emptyset"),
        (TokenKind.Function, "sin", "sin"),
        (TokenKind.Function, "cos", "cos"),
        (TokenKind.Function, "tan tg", "tan"),
        (TokenKind.Function, "cot ctg", "cot"),
        (TokenKind.Function, "sec", "sec"),
        (TokenKind.Function, "csc cosec", "csc"),
        (TokenKind.Function, "arcsin asin", "arcsin"),
        (TokenKind.Function, "arccos acos", "arccos"),
        (TokenKind.Function, "arctan atan", "arctan"),
        (TokenKind.Function, "arccot acot", "arccot"),
        (TokenKind.Function, "sinh", "sinh"),
        (TokenKind.Function, "cosh", "cosh"),
        (TokenKind.Function, "tanh", "tanh"),
        (TokenKind.Function, "ln", "ln"),
        (TokenKind.Function, "log", "log"),
        (TokenKind.Function, "lg", "lg"),
        (TokenKind.Function, "exp", "exp"));

    /// <summary>Words of plain text that stand for something else than their letters.</summary>
    public static readonly IReadOnlyDictionary<string, (TokenKind Kind, string Text)> Words =
        new Dictionary<string, (TokenKind, string)>(
            Commands.Where(entry => entry.Value.Kind == TokenKind.Function)
                .Select(entry => KeyValuePair.Create(entry.Key, entry.Value))
                .Concat(Table(
                    (TokenKind.Symbol, "pi Pi", "π"),
                    (TokenKind.Symbol, "infinity inf infty oo Infinity", "∞"),
                    (TokenKind.Command, "sqrt", "sqrt"),
                    (TokenKind.Function, "abs", "abs"),
                    (TokenKind.Number, "thousand", "1000"),
                    (TokenKind.Number, "million", "1000000"),
                    (TokenKind.Number, "billion", "1000000000"),
                    (TokenKind.Operator, "and AND", "and"),
                    (TokenKind.Operator, "or OR", "or"),
                    (TokenKind.Operator, "percent", "%"),
                    (TokenKind.Operator, "degrees degree deg", "°"))));

    /// <summary>Commands whose argument is text.</summary>
    public static readonly IReadOnlySet<string> TextCommands = new HashSet<string>(
        ["text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox", "hbox", "emph", "textup"]);

    /// <summary>Commands that change the font of an argument, which may be text or mathematics.</summary>
    public static readonly IReadOnlySet<string> FontCommands = new HashSet<string>(
        ["mathrm", "mathbf", "mathit", "mathsf", "mathtt", "boldsymbol", "bm", "operatorname", "mathnormal", "mathcal", "mathbb", "pmb"]);

    /// <summary>Commands that only wrap an argument.</summary>
    public static readonly IReadOnlySet<string> WrapperCommands = new HashSet<string>(["boxed", "fbox", "ensuremath", "color", "mathop"]);

    /// <summary>Characters that stand for other spellings.</summary>
    public static readonly IReadOnlyDictionary<char, (TokenKind Kind, string Text)> Characters = Table(
            (TokenKind.Operator, "+ ＋", "+"),
            (TokenKind.Operator, "- − – — ﹣", "-"),
            (TokenKind.Operator, "* × · ⋅ ∗ ∙", "*"),
            (TokenKind.Operator, "/ ÷ ∕ ⁄", "/"),
            (TokenKind.Operator, "^", "^"),
            (TokenKind.Operator, "_", "_"),
            (TokenKind.Operator, "!", "!"),
            (TokenKind.Operator, "' ′ ’", "'"),
            (TokenKind.Operator, "= ≡", "="),
            (TokenKind.Operator, "<", "<"),
            (TokenKind.Operator, ">", ">"),
            (TokenKind.Operator, "≤ ⩽", "≤"),
            (TokenKind.Operator, "≥ ⩾", "≥"),
            (TokenKind.Operator, "≠", "≠"),
            (TokenKind.Operator, "≈ ≃", "≈"),
            (TokenKind.Operator, ", ，", ","),
            (TokenKind.Operator, "; ；", ";"),
            (TokenKind.Operator, ": ：", ":"),
            (TokenKind.Operator, "| ∣", "|"),
            (TokenKind.Operator, "&", "&"),
            (TokenKind.Operator, "±", "±"),
            (TokenKind.Operator, "∓", "∓"),
            (TokenKind.Operator, "∪", "∪"),
            (TokenKind.Operator, "∩", "∩"),
            (TokenKind.Operator, "∈", "∈"),
            (TokenKind.Operator, "∖", "∖"),
            (TokenKind.Operator, "% ％", "%"),
            (TokenKind.Operator, "° º", "°"),
            (TokenKind.Open, "( （", "("),
            (TokenKind.Close, ") ）", ")"),
            (TokenKind.Open, "[", "["),
            (TokenKind.Close, "]", "]"),
            (TokenKind.Open, "{", "{"),
            (TokenKind.Close, "}", "}"),
            (TokenKind.Open, "⟨ 〈", "⟨"),
            (TokenKind.Close, "⟩ 〉", "⟩"),
            (TokenKind.Open, "⌊", "⌊"),
            (TokenKind.Close, "⌋", "⌋"),
            (TokenKind.Open, "⌈", "⌈"),
            (TokenKind.Close, "⌉", "⌉"),
            (TokenKind.Symbol, "π", "π"),
            (TokenKind.Symbol, "∞", "∞"),
            (TokenKind.Symbol, "…", "ldots"),
            (TokenKind.Symbol, "ℝ", "ℝ"),
            (TokenKind.Command, "√", "sqrt"),
            (TokenKind.Command, "∅", "emptyset"),
            (TokenKind.Text, "€", "€"),
            (TokenKind.Text, "£", "£"),
            (TokenKind.Text, "¥", "¥"))
        .ToDictionary(entry => entry.Key[0], entry => entry.Value);

    /// <summary>Fractions that are one character, each as its numerator and denominator.</summary>
    public static readonly IReadOnlyDictionary<char, string> VulgarFractions = new Dictionary<char, string>
    {
        ['½'] = "12",
        ['⅓'] = "13",
        ['⅔'] = "23",
        ['¼'] = "14",
        ['¾'] = "34",
        ['⅕'] = "15",
        ['⅛'] = "18",
    };

    /// <summary>Whether a short word is no product of letters; NO is the distance of two points.</summary>
    public static bool IsEnglish(string word) => EnglishWords.Contains(word) && !word.All(char.IsAsciiLetterUpper);

    private static readonly HashSet<string> EnglishWords = new(
        ["no", "on", "yes", "odd", "all", "any", "not", "one", "two", "six", "ten", "off", "red", "is", "of", "to", "at", "by", "if"],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Digits that are written as exponents.</summary>
    public const string Superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

    private static Dictionary<string, (TokenKind Kind, string Text)> Table(
        params (TokenKind Kind, string Spellings, string? Text)[] rows)
    {
        Dictionary<string, (TokenKind, string)> table = new(StringComparer.Ordinal);
        foreach ((TokenKind kind, string? spellings, string? text) in rows)
        {
            foreach (string spelling in spellings.Split(' '))
                table[spelling] = (kind, text ?? spelling);
        }
        return table;
    }
}

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Kinds of tokens.</summary>
internal enum TokenKind
{
    /// <summary>Digits, perhaps with a decimal part; the value is in the token.</summary>
    Number,

    /// <summary>A letter or a named constant.</summary>
    Symbol,

    /// <summary>Two or more letters of plain text that are no function.</summary>
    Word,

    /// <summary>The content of \text and the like.</summary>
    Text,

    /// <summary>The name of a function such as sin.</summary>
    Function,

    /// <summary>A command that the parser knows, such as frac.</summary>
    Command,

    /// <summary>An operator, relation or separator.</summary>
    Operator,

    /// <summary>An opening bracket.</summary>
    Open,

    /// <summary>A closing bracket.</summary>
    Close,

    /// <summary>The end of the answer.</summary>
    End,
}

/// <summary>A token.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Text">Its text in a normal form.</param>
/// <param name="SpaceBefore">Whether there was space before it.</param>
internal readonly record struct Token(TokenKind Kind, string Text, bool SpaceBefore)
{
    public bool Is(TokenKind kind, string text) => Kind == kind && Text == text;

    public bool IsOperator(string text) => Is(TokenKind.Operator, text);

    public bool IsOpen(string text) => Is(TokenKind.Open, text);

    public bool IsClose(string text) => Is(TokenKind.Close, text);
}

/// <summary>What a comma between digits is.</summary>
internal enum CommaReading
{
    /// <summary>Groups of exactly three digits form one number; other commas separate.</summary>
    Thousands,

    /// <summary>Commas in brackets separate: (1,100) is an interval.</summary>
    Separator,

    /// <summary>One comma outside brackets is a decimal point: 1,22.</summary>
    Decimal,
}

/// <summary>How the ambiguous parts of an answer are read.</summary>
/// <param name="Comma">What a comma between digits is.</param>
/// <param name="DecimalLogarithm">Whether log without a base has the base 10; else it is natural.</param>
internal readonly record struct Interpretation(CommaReading Comma, bool DecimalLogarithm);

/// <summary>An answer cannot be read as mathematics.</summary>
internal sealed class UnreadableException(string message) : Exception(message);

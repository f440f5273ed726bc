namespace SoftThinking.Chat;

/// <summary>Follows a number of JSON character by character.</summary>
internal sealed class JsonNumber
{
    private enum Part { Minus, Zero, Integer, Point, Fraction, Exponent, Sign, Power }

    private Part _part;

    /// <summary>Whether the number may end here.</summary>
    public bool IsComplete => _part is Part.Zero or Part.Integer or Part.Fraction or Part.Power;

    /// <summary>Reads the first character, and returns whether it begins a number.</summary>
    public bool Begin(char c)
    {
        _part = c == '-' ? Part.Minus : c == '0' ? Part.Zero : Part.Integer;
        return c is '-' or (>= '0' and <= '9');
    }

    /// <summary>Reads a further character, and returns whether it belongs to the number.</summary>
    public bool Read(char c)
    {
        Part? next = (_part, c) switch
        {
            (Part.Minus, '0') => Part.Zero,
            (Part.Minus or Part.Integer, >= '0' and <= '9') => Part.Integer,
            (Part.Zero or Part.Integer, '.') => Part.Point,
            (Part.Point or Part.Fraction, >= '0' and <= '9') => Part.Fraction,
            (Part.Zero or Part.Integer or Part.Fraction, 'e' or 'E') => Part.Exponent,
            (Part.Exponent, '+' or '-') => Part.Sign,
            (Part.Exponent or Part.Sign or Part.Power, >= '0' and <= '9') => Part.Power,
            _ => null,
        };
        _part = next ?? _part;
        return next != null;
    }
}

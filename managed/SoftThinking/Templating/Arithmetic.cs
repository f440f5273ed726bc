using System.Numerics;

namespace SoftThinking.Templating;

/// <summary>The operators + - * / // % ** and the signs. Integers have 64 bits; exceeding them is an error.</summary>
internal static class Arithmetic
{
    public static object? Apply(string sign, object? left, object? right, Budget budget)
    {
        bool formats = sign == "%" && left is string or SafeText;
        if ((left as Undefined ?? right as Undefined) is Undefined undefined && !formats)
            throw undefined.Error();
        if (ApplyToTextOrList(sign, left, right, budget) is object result)
            return result;
        if (!Python.IsNumber(left) || !Python.IsNumber(right))
            throw Mismatch(sign, left, right);
        try
        {
            bool isFloat = left is double || right is double;
            if (sign == "/" && !isFloat && Number.ToInteger(right!) is { IsZero: false } divisor)
                return Number.Divide(Number.ToInteger(left!), divisor);
            return isFloat || sign == "/"
                ? Apply(sign, Number.ToFiniteDouble(left!), Number.ToFiniteDouble(right!))
                : Apply(sign, ToLong(left), ToLong(right));
        }
        catch (OverflowException)
        {
            throw new EvaluationException($"the result of '{sign}' exceeds 64 bits");
        }
    }

    public static object Negate(object? value) => value switch
    {
        // The cast keeps the other arms from turning into doubles.
        double number => (object)-number,
        long or bool when ToLong(value) != long.MinValue => -ToLong(value),
        long or BigInteger => throw new EvaluationException("the result of '-' exceeds 64 bits"),
        Undefined undefined => throw undefined.Error(),
        _ => throw new EvaluationException($"bad operand type for unary -: '{Python.TypeName(value)}'"),
    };

    public static object Plus(object? value) => value switch
    {
        double or BigInteger => value,
        long or bool => ToLong(value),
        Undefined undefined => throw undefined.Error(),
        _ => throw new EvaluationException($"bad operand type for unary +: '{Python.TypeName(value)}'"),
    };

    private static object? ApplyToTextOrList(string sign, object? left, object? right, Budget budget)
    {
        switch (sign)
        {
            case "+" when Text.Is(left, out string? text) && Text.Is(right, out string? other):
                budget.ChargeText((long)text.Length + other.Length);
                return Join(left, text, right, other);
            case "+" when left is SequenceValue a && right is SequenceValue b && a.Kind == b.Kind
                && a.Kind is SequenceKind.List or SequenceKind.Tuple:
                budget.ChargeElements((long)a.Count + b.Count);
                return new SequenceValue([.. a.Items, .. b.Items], a.Kind);
            case "*" when right is long or bool:
                return Repeat(left, ToLong(right), budget);
            case "*" when left is long or bool:
                return Repeat(right, ToLong(left), budget);
            case "%" when Text.Is(left, out string? format):
                return PercentFormat.Apply(format, right, budget);
            default:
                return null;
        }
    }

    private static object Join(object? left, string text, object? right, string other)
    {
        if (left is string && right is string)
            return text + other;
        string first = left is SafeText ? text : SafeText.Escape(text);
        return new SafeText(first + (right is SafeText ? other : SafeText.Escape(other)));
    }

    private static object? Repeat(object? value, long count, Budget budget)
    {
        if (value is SafeText safe)
            return new SafeText(Python.Repeat(safe.Text, count, budget));
        if (value is string text)
            return Python.Repeat(text, count, budget);
        if (value is not SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple } sequence)
            return null;
        count = sequence.Count == 0 ? 0 : Math.Clamp(count, 0, Budget.MaxElements + 1);
        budget.ChargeElements(count * sequence.Count);
        List<object?> items = [];
        for (; count > 0; count--)
            items.AddRange(sequence.Items);
        return new SequenceValue(items, sequence.Kind);
    }

    private static object Apply(string sign, double left, double right) => sign switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / NotZero(right),
        "//" => FloorDivide(left, NotZero(right)),
        "%" => Modulo(left, NotZero(right)),
        _ => Power(left, right),
    };

    /// <summary>The quotient without the remainder, as Python divides; the floor of a rounded quotient may be one too
    /// many.</summary>
    private static double FloorDivide(double left, double right)
    {
        double rest = left % right;
        double quotient = (left - rest) / right - (rest != 0 && rest < 0 != right < 0 ? 1 : 0);
        if (quotient == 0)
            return Math.CopySign(0, left / right);
        double whole = Math.Floor(quotient);
        return quotient - whole > 0.5 ? whole + 1 : whole;
    }

    private static double Modulo(double left, double right)
    {
        double rest = left % right;
        if (rest == 0)
            return Math.CopySign(0, right);
        return rest < 0 != right < 0 ? rest + right : rest;
    }

    private static double Power(double left, double right)
    {
        if (left == 0 && right < 0)
            throw new EvaluationException("0.0 cannot be raised to a negative power");
        if (left < 0 && double.IsFinite(left) && double.IsFinite(right) && !double.IsInteger(right))
            throw new EvaluationException("a power of a negative number that is complex is not supported");
        double power = Math.Pow(left, right);
        return double.IsInfinity(power) && double.IsFinite(left) && double.IsFinite(right)
            ? throw new EvaluationException("the result of '**' exceeds the range of floats")
            : power;
    }

    private static object Apply(string sign, long left, long right)
    {
        checked
        {
            switch (sign)
            {
                case "+":
                    return left + right;
                case "-":
                    return left - right;
                case "*":
                    return left * right;
                case "//":
                    return left / NotZero(right) - (left % right != 0 && left < 0 != right < 0 ? 1 : 0);
                case "%":
                    // -1 apart: long.MinValue % -1 overflows although the remainder is 0.
                    long rest = right == -1 ? 0 : left % NotZero(right);
                    return rest != 0 && rest < 0 != right < 0 ? rest + right : rest;
                default:
                    return right < 0 ? (object)Power((double)left, right) : Power(left, right);
            }
        }
    }

    private static long Power(long number, long exponent)
    {
        if (number is 0 or 1 or -1)
            return exponent == 0 ? 1 : number == -1 && exponent % 2 == 0 ? 1 : number;
        if (exponent > 63)
            throw new OverflowException();
        return (long)BigInteger.Pow(number, (int)exponent);
    }

    private static double NotZero(double value) => value != 0 ? value : throw DivisionByZero();

    private static long NotZero(long value) => value != 0 ? value : throw DivisionByZero();

    private static EvaluationException DivisionByZero() => new("division by zero");

    private static long ToLong(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long number => number,
        _ => throw new OverflowException(),
    };

    private static EvaluationException Mismatch(string sign, object? left, object? right)
    {
        if (sign == "+" && Text.Is(left, out _))
            return new($"can only concatenate str (not \"{Python.TypeName(right)}\") to str");
        return new($"unsupported operand type(s) for {sign}: '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
    }
}

using System.Globalization;
using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Numbers of mixed kinds: bool, long, BigInteger and double.</summary>
internal static class Number
{
    public static double ToDouble(object number) => number switch
    {
        bool flag => flag ? 1 : 0,
        long integer => integer,
        BigInteger integer => ToDouble(integer),
        _ => (double)number,
    };

    // A conversion of the framework drops digits that may decide a tie.
    private static double ToDouble(BigInteger integer)
    {
        const int RangeInBits = 1024;
        return integer.GetBitLength() > RangeInBits
            ? integer.Sign * double.PositiveInfinity
            : double.Parse(integer.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    /// <summary>The quotient of two integers, rounded once; the divisor is not 0.</summary>
    public static double Divide(BigInteger left, BigInteger right)
    {
        const int Bits = 62;
        if (left.IsZero)
            return right.Sign < 0 ? -0.0 : 0.0;
        int shift = (int)Math.Clamp(
            Bits - BigInteger.Abs(left).GetBitLength() + BigInteger.Abs(right).GetBitLength(), -100_000, 100_000);
        BigInteger quotient = BigInteger.DivRem(
            BigInteger.Abs(left) << Math.Max(shift, 0), BigInteger.Abs(right) << Math.Max(-shift, 0),
            out BigInteger rest);
        double result = Math.ScaleB((ulong)quotient | (rest.IsZero ? 0UL : 1UL), -shift);
        return double.IsFinite(result)
            ? result * left.Sign * right.Sign
            : throw new EvaluationException("integer division result too large for a float");
    }

    /// <summary>chr() of a bool, long or BigInteger.</summary>
    public static string ToCharacter(object code)
    {
        BigInteger integer = ToInteger(code);
        return integer >= 0 && integer <= 0x10FFFF && Rune.TryCreate((int)integer, out Rune rune)
            ? rune.ToString()
            : throw new EvaluationException("the number of a character must be below 0x110000 and no surrogate");
    }

    /// <summary>float(), which refuses an integer beyond the range of doubles.</summary>
    public static double ToFiniteDouble(object number)
    {
        double result = ToDouble(number);
        return number is BigInteger && !double.IsFinite(result)
            ? throw new EvaluationException("int too large to convert to float")
            : result;
    }

    /// <summary>The value of a bool, long or BigInteger.</summary>
    public static BigInteger ToInteger(object number) => number switch
    {
        bool flag => flag ? 1 : 0,
        long integer => integer,
        _ => (BigInteger)number,
    };

    /// <summary>An integer as a value of the template language.</summary>
    public static object FromInteger(BigInteger integer) =>
        integer >= long.MinValue && integer <= long.MaxValue ? (long)integer : (object)integer;

    /// <summary>int() of a float.</summary>
    public static BigInteger Truncate(double number) => double.IsFinite(number)
        ? new BigInteger(number)
        : throw new EvaluationException(
            $"cannot convert float {(double.IsNaN(number) ? "NaN" : "infinity")} to integer");

    /// <summary>Order by exact value; null where one is not a number.</summary>
    public static int? Compare(object left, object right)
    {
        if (left is double a && right is double b)
            return double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);
        if (left is double first)
            return -CompareExactly(ToInteger(right), first);
        return right is double second
            ? CompareExactly(ToInteger(left), second)
            : ToInteger(left).CompareTo(ToInteger(right));
    }

    // A conversion to double would make integers beyond 2^53 equal to their neighbors.
    private static int? CompareExactly(BigInteger integer, double number)
    {
        if (!double.IsFinite(number))
            return double.IsNaN(number) ? null : number > 0 ? -1 : 1;
        double whole = Math.Floor(number);
        int order = integer.CompareTo(new BigInteger(whole));
        return order == 0 && number > whole ? -1 : order;
    }
}

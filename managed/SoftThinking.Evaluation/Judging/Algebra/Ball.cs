using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>
/// A real number with a bound of its error: |x - Mantissa · 2^Exponent| is at most 2^Error. Whatever is computed with
/// balls holds for the numbers that they stand for, so two balls that do not meet prove that the numbers differ.
/// </summary>
internal readonly record struct Ball(BigInteger Mantissa, long Exponent, long Error)
{
    /// <summary>The error of an exact number, and the magnitude of zero.</summary>
    public const long Nothing = long.MinValue / 4;

    /// <summary>Magnitudes above this are refused; a judge of answers has no use for them.</summary>
    public const long MaxMagnitude = 1 << 24;

    public static readonly Ball Zero = new(BigInteger.Zero, 0, Nothing);
    public static readonly Ball One = new(BigInteger.One, 0, Nothing);

    /// <summary>The least k with |Mantissa · 2^Exponent| below 2^k.</summary>
    public long Magnitude => Mantissa.IsZero ? Nothing : Exponent + (long)BigInteger.Abs(Mantissa).GetBitLength();

    public bool IsExact => Error == Nothing;

    public bool IsExactZero => Mantissa.IsZero && IsExact;

    /// <summary>Whether zero is among the numbers that the ball holds.</summary>
    public bool HoldsZero => Mantissa.IsZero || Error >= Magnitude - 1;

    public int Sign => Mantissa.Sign;

    /// <summary>Whether <see cref="Middle"/> costs little: a fraction has as many bits as the magnitude.</summary>
    public bool IsModerate => Mantissa.IsZero || Math.Abs(Magnitude) <= 10_000;

    public static Ball operator -(Ball value) => value with { Mantissa = -value.Mantissa };

    public static Ball From(Fraction value, int precision)
    {
        if (value.Denominator.IsOne)
            return Rounded(value.Numerator, 0, Nothing, precision);
        int shift = precision + Math.Max(0, (int)value.Denominator.GetBitLength() - (int)value.Numerator.GetBitLength()) + 1;
        return Rounded((value.Numerator << shift) / value.Denominator, -shift, -shift, precision);
    }

    public static Ball Add(Ball a, Ball b, int precision)
    {
        if (a.Mantissa.IsZero || b.Mantissa.IsZero)
            return (a.Mantissa.IsZero ? b : a) with { Error = Widen(a.Error, b.Error) };
        if (a.Exponent < b.Exponent)
            (a, b) = (b, a);
        // A number that is entirely below the other's last bits only adds to the error.
        if (b.Magnitude < a.Magnitude - precision - 64)
            return Rounded(a.Mantissa, a.Exponent, Widen(Widen(a.Error, b.Error), b.Magnitude), precision);
        int shift = (int)(a.Exponent - b.Exponent);
        return Rounded((a.Mantissa << shift) + b.Mantissa, b.Exponent, Widen(a.Error, b.Error), precision);
    }

    public static Ball Multiply(Ball a, Ball b, int precision)
    {
        long error = Widen(Widen(Plus(a.Magnitude, b.Error), Plus(b.Magnitude, a.Error)), Plus(a.Error, b.Error));
        return Rounded(a.Mantissa * b.Mantissa, a.Exponent + b.Exponent, error, precision);
    }

    /// <summary>The quotient; the divisor must not hold zero.</summary>
    public static Ball Divide(Ball a, Ball b, int precision)
    {
        if (b.HoldsZero)
            throw new UndefinedException();
        int shift = precision + (int)BigInteger.Abs(b.Mantissa).GetBitLength() + 2;
        Ball quotient = new((a.Mantissa << shift) / b.Mantissa, a.Exponent - b.Exponent - shift, Nothing);
        // |b| is at least 2^(magnitude - 2) all over the ball.
        long error = Plus(Widen(a.Error, Plus(quotient.Magnitude, b.Error)), 2 - b.Magnitude);
        return Rounded(quotient.Mantissa, quotient.Exponent, Widen(error, quotient.Exponent), precision);
    }

    /// <summary>The square root of a number that is not negative.</summary>
    public static Ball SquareRoot(Ball value, int precision)
    {
        if (value.IsExactZero)
            return Zero;
        if (value.HoldsZero)
            return new Ball(BigInteger.Zero, 0, (Math.Max(value.Error, value.Magnitude) + 2) / 2 + 1);
        if (value.Sign < 0)
            throw new UndefinedException();
        int shift = Math.Max(0, (2 * precision) - (int)value.Mantissa.GetBitLength());
        if (((value.Exponent - shift) & 1) != 0)
            shift++;
        BigInteger root = IntegerRoot.Floor(value.Mantissa << shift, 2);
        long exponent = (value.Exponent - shift) / 2;
        // The derivative is 1/(2√x), and x is at least 2^(magnitude - 2).
        long error = Plus(value.Error, -((value.Magnitude - 2) >> 1));
        return Rounded(root, exponent, Widen(error, exponent), precision);
    }

    /// <summary>The middle of the ball, which must be moderate.</summary>
    public Fraction Middle() => Exponent >= 0
        ? new Fraction(Mantissa << (int)Exponent)
        : new Fraction(Mantissa, BigInteger.One << (int)-Exponent);

    /// <summary>The number with its mantissa cut to so many bits, and the error widened by what was cut.</summary>
    public static Ball Rounded(BigInteger mantissa, long exponent, long error, int precision)
    {
        int excess = (int)BigInteger.Abs(mantissa).GetBitLength() - precision;
        if (excess > 0)
        {
            mantissa >>= excess;
            exponent += excess;
            error = Widen(error, exponent);
        }
        Ball ball = new(mantissa, mantissa.IsZero ? 0 : exponent, error);
        if (ball.Magnitude > MaxMagnitude)
            throw new TooLargeException();
        // An underflow is nothing to rely on, either.
        if (!mantissa.IsZero && ball.Magnitude < -MaxMagnitude)
            throw new TooLargeException();
        return ball;
    }

    /// <summary>A bound of the sum of two errors.</summary>
    public static long Widen(long a, long b) => a == Nothing ? b : b == Nothing ? a : Math.Max(a, b) + 1;

    private static long Plus(long a, long b) => a == Nothing || b == Nothing ? Nothing : a + b;
}

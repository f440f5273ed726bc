using System.Numerics;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Elementary functions of balls.</summary>
internal static class BallFunctions
{
    private const int Guard = 48;

    public static Ball Pi(int precision)
    {
        int bits = precision + Guard;
        return Ball.Rounded(FixedPoint.Pi(bits), -bits, 8 - bits, precision);
    }

    public static Ball Exp(Ball x, int precision)
    {
        if (x.IsExactZero)
            return Ball.One;
        if (x.Magnitude > 24 || x.Error > -1)
            throw new TooLargeException();
        // exp x = 2^k exp r with x = k log 2 + r
        int bits = precision + Guard;
        BigInteger value = Fixed(x, bits);
        BigInteger logTwo = FixedPoint.LogTwo(bits);
        BigInteger k = BigInteger.Divide(value, logTwo);
        BigInteger r = value - (k * logTwo);
        long exponent = (long)k - bits;
        long error = Ball.Widen(exponent + 16 + 26, x.Error == Ball.Nothing ? Ball.Nothing : x.Error + (long)k + 3);
        return Ball.Rounded(FixedPoint.Exp(r, bits), exponent, error, precision);
    }

    /// <summary>The logarithm of a positive number.</summary>
    public static Ball Log(Ball x, int precision)
    {
        if (x == Ball.One)
            return Ball.Zero;
        if (x.HoldsZero || x.Sign < 0)
            throw new UndefinedException();
        // log x = log m + k log 2 with m from 1/2 to 1
        int bits = precision + Guard;
        long k = x.Magnitude;
        BigInteger mantissa = Fixed(x with { Exponent = x.Exponent - k }, bits);
        BigInteger log = FixedPoint.Log(mantissa, bits) + (k * FixedPoint.LogTwo(bits));
        long error = Ball.Widen(26 + 16 - bits, x.IsExact ? Ball.Nothing : x.Error - k + 2);
        return Ball.Rounded(log, -bits, error, precision);
    }

    public static (Ball Sin, Ball Cos) SinCos(Ball x, int precision)
    {
        if (x.IsExactZero)
            return (Ball.Zero, Ball.One);
        if (x.Magnitude > 64 || x.Error > -1)
            throw new TooLargeException();
        int bits = precision + Guard + 64;
        BigInteger value = Fixed(x, bits);
        BigInteger turn = 2 * FixedPoint.Pi(bits);
        BigInteger turns = BigInteger.Divide(value, turn);
        (BigInteger sin, BigInteger cos) = FixedPoint.SinCos(value - (turns * turn), bits);
        long error = Ball.Widen(20 + 64 - bits, x.IsExact ? Ball.Nothing : x.Error + 1);
        return (Ball.Rounded(sin, -bits, error, precision), Ball.Rounded(cos, -bits, error, precision));
    }

    public static Ball Arctan(Ball x, int precision)
    {
        if (x.IsExactZero)
            return Ball.Zero;
        if (x.Magnitude > 1)
        {
            // arctan x = ±π/2 - arctan 1/x
            Ball quarter = Half(Pi(precision));
            Ball rest = Arctan(Ball.Divide(Ball.One, x, precision), precision);
            return Ball.Add(x.Sign < 0 ? -quarter : quarter, -rest, precision);
        }
        int bits = precision + Guard;
        if (x.Magnitude == 1 && BigInteger.Abs(x.Mantissa).GetBitLength() > 1)
        {
            // arctan x = 2 arctan (x / (1 + √(1 + x²))): below 1 again
            Ball root = Ball.SquareRoot(Ball.Add(Ball.One, Ball.Multiply(x, x, precision), precision), precision);
            Ball half = Arctan(Ball.Divide(x, Ball.Add(Ball.One, root, precision), precision), precision);
            return Ball.Add(half, half, precision);
        }
        long error = Ball.Widen(20 - bits, x.Error);
        return Ball.Rounded(FixedPoint.Arctan(Fixed(x, bits), bits), -bits, error, precision);
    }

    /// <summary>The angle of the point (x, y), from -π to π.</summary>
    public static Ball Angle(Ball y, Ball x, int precision)
    {
        if (y.IsExactZero && x.Sign >= 0)
            return Ball.Zero;
        if (y.IsExactZero)
            return Pi(precision);
        if (x.HoldsZero)
        {
            if (y.HoldsZero || !x.IsExactZero)
                throw new UndefinedException();
            Ball quarter = Half(Pi(precision));
            return y.Sign < 0 ? -quarter : quarter;
        }
        Ball angle = Arctan(Ball.Divide(y, x, precision), precision);
        if (x.Sign > 0)
            return angle;
        if (y.HoldsZero)
            throw new UndefinedException();
        return Ball.Add(angle, y.Sign < 0 ? -Pi(precision) : Pi(precision), precision);
    }

    public static Ball Half(Ball x) => x with { Exponent = x.Exponent - 1, Error = x.IsExact ? Ball.Nothing : x.Error - 1 };

    private static BigInteger Fixed(Ball x, int bits)
    {
        long shift = x.Exponent + bits;
        return shift >= 0 ? x.Mantissa << (int)shift : x.Mantissa >> (int)Math.Min(-shift, int.MaxValue);
    }
}

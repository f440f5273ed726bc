using System.Numerics;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Elementary functions of fixed-point numbers x / 2^bits, with an error of less than 2^16 units in the last place.</summary>
internal static class FixedPoint
{
    /// <summary>The most bits of a constant.</summary>
    public const int MaxBits = 6000;

    // Machin: π = 16 arctan 1/5 - 4 arctan 1/239; log 2 = 18 artanh 1/26 - 2 artanh 1/4801 + 8 artanh 1/8749.
    private static readonly Lazy<BigInteger> PiBits = new(() =>
        (16 * InverseSeries(5, true)) - (4 * InverseSeries(239, true)));

    private static readonly Lazy<BigInteger> LogTwoBits = new(() =>
        (18 * InverseSeries(26, false)) - (2 * InverseSeries(4801, false)) + (8 * InverseSeries(8749, false)));

    public static BigInteger Pi(int bits) => PiBits.Value >> (MaxBits + 64 - bits);

    public static BigInteger LogTwo(int bits) => LogTwoBits.Value >> (MaxBits + 64 - bits);

    /// <summary>exp x for |x| below 1.</summary>
    public static BigInteger Exp(BigInteger x, int bits)
    {
        // exp x = (exp x/2^k)^(2^k)
        int halvings = 8 + (bits / 128);
        int work = bits + halvings + 16;
        BigInteger small = x << (work - bits) >> halvings;
        BigInteger one = BigInteger.One << work;
        BigInteger sum = one, term = one;
        for (int n = 1; !term.IsZero && n < 4 * bits; n++)
        {
            term = (term * small >> work) / n;
            if (term == BigInteger.MinusOne)
                break;
            sum += term;
        }
        for (int i = 0; i < halvings; i++)
            sum = sum * sum >> work;
        return sum >> (work - bits);
    }

    /// <summary>sin x and cos x for |x| at most 7.</summary>
    public static (BigInteger Sin, BigInteger Cos) SinCos(BigInteger x, int bits)
    {
        int halvings = 8 + (bits / 128);
        int work = bits + (2 * halvings) + 16;
        BigInteger small = x << (work - bits) >> halvings;
        BigInteger one = BigInteger.One << work;
        BigInteger square = small * small >> work;
        BigInteger sin = small, cos = one, oddTerm = small, evenTerm = one;
        for (int n = 1; (!oddTerm.IsZero || !evenTerm.IsZero) && n < 4 * bits; n++)
        {
            evenTerm = -(evenTerm * square >> work) / ((2 * n) - 1) / (2 * n);
            oddTerm = -(oddTerm * square >> work) / (2 * n) / ((2 * n) + 1);
            cos += evenTerm;
            sin += oddTerm;
        }
        for (int i = 0; i < halvings; i++)
            (sin, cos) = (2 * sin * cos >> work, ((cos * cos) - (sin * sin)) >> work);
        return (sin >> (work - bits), cos >> (work - bits));
    }

    /// <summary>log x for x from 1/2 to 2: three steps of Halley's method from a double.</summary>
    public static BigInteger Log(BigInteger x, int bits)
    {
        BigInteger y = FromDouble(Math.Log(ToDouble(x, bits)), bits);
        for (int known = 45; known < bits; known *= 3)
        {
            BigInteger exp = Exp(y, bits);
            y += (2 * (x - exp) << bits) / (x + exp);
        }
        return y;
    }

    /// <summary>arctan x for |x| at most 1: the angle is corrected by the tangent of what is missing.</summary>
    public static BigInteger Arctan(BigInteger x, int bits)
    {
        BigInteger y = FromDouble(Math.Atan(ToDouble(x, bits)), bits);
        for (int known = 45; known < bits; known *= 3)
        {
            (BigInteger sin, BigInteger cos) = SinCos(y, bits);
            y += ((x * cos) - (sin << bits)) / (cos + (x * sin >> bits));
        }
        return y;
    }

    private static BigInteger InverseSeries(int n, bool alternating)
    {
        BigInteger power = (BigInteger.One << (MaxBits + 64)) / n;
        BigInteger sum = power;
        for (int k = 3; !power.IsZero; k += 2)
        {
            power /= n * n;
            sum += alternating && (k & 2) != 0 ? -(power / k) : power / k;
        }
        return sum;
    }

    private static double ToDouble(BigInteger x, int bits) => (double)(x >> (bits - 60)) / (1L << 60);

    private static BigInteger FromDouble(double value, int bits) => new BigInteger(value * (1L << 60)) << (bits - 60);
}

using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>8-bit floats, by the definition of the format.</summary>
internal sealed class E4M3Tests
{
    [Test]
    public void EveryCodeIsItsNumberAndRoundsToItself()
    {
        for (int code = 0; code < 256; code++)
        {
            (int exponent, int mantissa) = (code >> 3 & 15, code & 7);
            if ((exponent, mantissa) == (15, 7))
            {
                Assert.That(E4M3.AreNumbers([1, (byte)code, 2]), Is.False, $"{code:x2}");
                continue;
            }
            double magnitude = exponent == 0 ? mantissa * Math.Pow(2, -9) : (8 + mantissa) * Math.Pow(2, exponent - 10);
            float expected = (float)(code < 128 ? magnitude : -magnitude);
            Assert.That(BitConverter.SingleToUInt32Bits(E4M3.ToSingle((byte)code)), Is.EqualTo(BitConverter.SingleToUInt32Bits(expected)), $"{code:x2}");
            Assert.That(E4M3.Round(expected), Is.EqualTo(code), $"{code:x2}");
            Assert.That(E4M3.AreNumbers([(byte)code]), Is.True, $"{code:x2}");
        }
    }

    /// <summary>Between neighbors the middle goes to the even one, and its neighbors in f32 to the nearer.</summary>
    [Test]
    public void RoundsToTheNearestTiesToEven()
    {
        for (int code = 0; code < 0x7E; code++)
        {
            float middle = (E4M3.ToSingle((byte)code) + E4M3.ToSingle((byte)(code + 1))) / 2;
            int even = code % 2 == 0 ? code : code + 1;
            Assert.That(E4M3.Round(middle), Is.EqualTo(even), $"{code:x2}");
            Assert.That(E4M3.Round(MathF.BitDecrement(middle)), Is.EqualTo(code), $"{code:x2}");
            Assert.That(E4M3.Round(MathF.BitIncrement(middle)), Is.EqualTo(code + 1), $"{code:x2}");
            Assert.That(E4M3.Round(-middle), Is.EqualTo(even | 0x80), $"{code:x2}");
        }
    }

    [TestCase(449f, 0x7E)]
    [TestCase(float.MaxValue, 0x7E)]
    [TestCase(-1e9f, 0xFE)]
    [TestCase(float.Epsilon, 0)]
    [TestCase(-float.Epsilon, 0x80)]
    public void BeyondTheEndsTheyAreTheEnds(float value, int code) => Assert.That(E4M3.Round(value), Is.EqualTo(code));

    [Test]
    public void ARowHasAScaleOfBf16ForItsLargest()
    {
        float[] row = [0.1f, -3.3f, 0, 2e-5f];
        byte[] codes = new byte[row.Length];
        float scale = Fp8Rows.Round(row, codes);
        Assert.That(BitConverter.SingleToUInt32Bits(scale) & 0xFFFF, Is.Zero, "bf16");
        Assert.That(scale, Is.EqualTo(3.3f / 448).Within(0.4).Percent);
        Assert.That(codes.Select(E4M3.ToSingle).Select(value => value * scale), Is.EqualTo(row).Within(3.3 / 16));
        Assert.That(codes[1], Is.EqualTo(0xFE));
    }

    [Test]
    public void ARowOfZerosHasTheScaleOne()
    {
        byte[] codes = [1, 2, 3];
        Assert.That(Fp8Rows.Round([0, 0, 0], codes), Is.EqualTo(1));
        Assert.That(codes, Is.All.Zero);
    }

    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    public void ARowThatIsNotFiniteHasNoScale(float value) => Assert.That(float.IsFinite(Fp8Rows.Round([1, value, 2], new byte[3])), Is.False);
}

using System.Globalization;
using System.Numerics;
using System.Text;

namespace SoftThinking.Checkpoints;

/// <summary>Formats shapes for messages, for example "[455, 192]".</summary>
internal static class ShapeText
{
    private const int Limit = 8;

    /// <summary>The numbers in brackets; a list longer than any real shape is truncated.</summary>
    public static string Of<T>(ReadOnlySpan<T> numbers) where T : IBinaryInteger<T>
    {
        StringBuilder text = new("[");
        for (int i = 0; i < Math.Min(numbers.Length, Limit); i++)
            text.Append(i == 0 ? "" : ", ").Append(numbers[i].ToString(null, CultureInfo.InvariantCulture));
        return text.Append(numbers.Length > Limit ? ", ...]" : "]").ToString();
    }
}

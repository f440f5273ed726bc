using System.Globalization;
using System.Numerics;
using System.Text;

namespace SoftThinking.Checkpoints;

/// <summary>Writes shapes for messages, such as "[455, 192]".</summary>
internal static class ShapeText
{
    private const int Limit = 8;

    /// <summary>The numbers in brackets; only the first few of a list that no real tensor would have.</summary>
    public static string Of<T>(ReadOnlySpan<T> numbers) where T : IBinaryInteger<T>
    {
        StringBuilder text = new("[");
        for (int i = 0; i < Math.Min(numbers.Length, Limit); i++)
            text.Append(i == 0 ? "" : ", ").Append(numbers[i].ToString(null, CultureInfo.InvariantCulture));
        return text.Append(numbers.Length > Limit ? ", ...]" : "]").ToString();
    }
}

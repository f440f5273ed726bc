using System.Buffers;
using System.Globalization;
using System.Text;
using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>Formats tokens for display, so that they can be distinguished.</summary>
internal static class TokenText
{
    private const string Superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

    /// <summary>A token with everything visible: a line break as \n, a leading space as ␣, bytes that are not text as
    /// \xE2, a token without text by its id.</summary>
    public static string Visible(Tokenizer tokenizer, int id)
    {
        ReadOnlySpan<byte> bytes = tokenizer.TokenBytes(id);
        if (bytes.Length == 0)
            return $"<{id}>";
        StringBuilder shown = new();
        while (bytes.Length > 0)
        {
            bool isText = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == OperationStatus.Done;
            if (isText && !Rune.IsControl(rune))
                shown.Append(rune.Value == ' ' && shown.Length == 0 ? "␣" : rune.ToString());
            else
                AppendEscaped(shown, bytes[..length]);
            bytes = bytes[length..];
        }
        return shown.ToString();
    }

    /// <summary>Text without control characters, which a terminal would execute; line breaks and tabs are kept.</summary>
    public static string Harmless(string text)
    {
        if (!text.Any(IsHarmful))
            return text;
        StringBuilder shown = new();
        foreach (char c in text)
            shown.Append(IsHarmful(c) ? $"\\x{(int)c:X2}" : c.ToString());
        return shown.ToString();
    }

    /// <summary>A weight in percent, as superscript: 0.7 is ⁷⁰.</summary>
    public static string Percent(float weight) =>
        string.Concat(Math.Round(weight * 100).ToString(CultureInfo.InvariantCulture).Select(digit => Superscripts[digit - '0']));

    private static bool IsHarmful(char c) => char.IsControl(c) && c is not ('\n' or '\t');

    private static void AppendEscaped(StringBuilder shown, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            shown.Append(value switch
            {
                (byte)'\n' => "\\n",
                (byte)'\t' => "\\t",
                (byte)'\r' => "\\r",
                _ => $"\\x{value:X2}",
            });
        }
    }
}

using System.Globalization;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>How the texts of tokens become the decoded text.</summary>
internal sealed record TokenDecoder
{
    /// <summary>Whether tokens are written in the byte alphabet; the other settings are then not used.</summary>
    public bool ByteLevel { get; init; }

    /// <summary>What is replaced in the text of each token; null for nothing.</summary>
    public (string From, string To)? Replacement { get; init; }

    /// <summary>Whether a token &lt;0xNN&gt; is the byte NN.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>The most spaces that are left out where a text begins.</summary>
    public int LeadingSpaces { get; init; }

    /// <summary>The text of the token of a byte in a vocabulary with byte fallback.</summary>
    public static string ByteToken(byte value) => $"<0x{value:X2}>";

    /// <summary>The bytes of a token within a text.</summary>
    public byte[] ToBytes(string token)
    {
        if (ByteLevel)
            return ByteAlphabet.ToBytes(token);
        if (Replacement is (string from, string to))
            token = token.Replace(from, to, StringComparison.Ordinal);
        return ByteFallback && ByteOf(token) is byte value ? [value] : Encoding.UTF8.GetBytes(token);
    }

    private static byte? ByteOf(string token) =>
        token is ['<', '0', 'x', _, _, '>']
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : null;
}

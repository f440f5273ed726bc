using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The alphabet of byte-level BPE: one printable character for each of the 256 bytes, so that tokens, which
/// are byte strings, can be written as text. The printable bytes of Latin-1 map to themselves; the others map, in
/// order, to U+0100 and up.</summary>
internal static class ByteAlphabet
{
    private const int FirstStandIn = 0x100;

    private static readonly char[] Characters = BuildCharacters();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>The character of a byte.</summary>
    public static char ToCharacter(byte value) => Characters[value];

    /// <summary>The bytes that a token's text encodes. A text with a character outside the alphabet (an added token
    /// such as "&lt;｜User｜&gt;") is returned as UTF-8, as in the decoder of Hugging Face.</summary>
    public static byte[] ToBytes(string token) =>
        TryToBytes(token, out byte[]? bytes) ? bytes : Encoding.UTF8.GetBytes(token);

    private static bool TryToBytes(string token, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = token[i] < Bytes.Length ? Bytes[token[i]] : -1;
            if (value < 0)
            {
                bytes = null;
                return false;
            }
            bytes[i] = (byte)value;
        }
        return true;
    }

    private static char[] BuildCharacters()
    {
        char[] characters = new char[256];
        int standIn = FirstStandIn;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            characters[value] = (char)(printable ? value : standIn++);
        }
        return characters;
    }

    private static short[] BuildBytes()
    {
        short[] bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++)
            bytes[Characters[value]] = (short)value;
        return bytes;
    }
}

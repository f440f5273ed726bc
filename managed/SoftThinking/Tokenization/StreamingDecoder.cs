using System.Buffers;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>Decodes tokens one by one. A character can span several tokens; it is returned when it is complete.
/// Bytes that can no longer become a character are returned as U+FFFD. The concatenated results of <see cref="Append"/> and a
/// final <see cref="Flush"/> equal <see cref="Tokenizer.Decode(ReadOnlySpan{int}, bool)"/> of all tokens.</summary>
/// <remarks>For one sequence, used by one thread at a time.</remarks>
/// <param name="tokenizer">The tokenizer of the ids.</param>
/// <param name="skipSpecialTokens">Whether special tokens produce no text.</param>
/// <param name="startsText">Whether the tokens begin a text; where they follow others, the space of their first word is kept.</param>
internal sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens, bool startsText)
{
    private const int LongestCharacter = 4;

    private readonly byte[] _unfinished = new byte[LongestCharacter];
    private int _unfinishedLength;
    private int _leadingSpaces = startsText ? tokenizer.LeadingSpaces : 0; // that may still be left out

    /// <summary>Adds one token and returns the text that is now complete, which may be empty. An id that is not a token
    /// produces no text.</summary>
    public string Append(int id)
    {
        if (skipSpecialTokens && tokenizer.IsSpecial(id))
            return "";
        ReadOnlySpan<byte> token = tokenizer.TokenBytes(id);
        if (_leadingSpaces > 0)
            token = Tokenizer.TrimLeading(token, ref _leadingSpaces);
        byte[] bytes = [.. _unfinished.AsSpan(0, _unfinishedLength), .. token];
        int complete = CompleteLength(bytes);
        _unfinishedLength = bytes.Length - complete;
        bytes.AsSpan(complete).CopyTo(_unfinished);
        return Encoding.UTF8.GetString(bytes, 0, complete);
    }

    /// <summary>Ends the text: returns U+FFFD if it ends in the middle of a character, otherwise nothing. The decoder can
    /// then be used for another text that begins like this one.</summary>
    public string Flush()
    {
        string rest = Encoding.UTF8.GetString(_unfinished, 0, _unfinishedLength);
        _unfinishedLength = 0;
        _leadingSpaces = startsText ? tokenizer.LeadingSpaces : 0;
        return rest;
    }

    // Length without an incomplete character at the end, which has up to three bytes.
    private static int CompleteLength(ReadOnlySpan<byte> bytes)
    {
        for (int start = bytes.Length - 1; start >= 0 && start > bytes.Length - LongestCharacter; start--)
        {
            bool continuation = (bytes[start] & 0xC0) == 0x80;
            if (continuation)
                continue;
            bool unfinished = Rune.DecodeFromUtf8(bytes[start..], out _, out _) == OperationStatus.NeedMoreData;
            return unfinished ? start : bytes.Length;
        }
        return bytes.Length;
    }
}

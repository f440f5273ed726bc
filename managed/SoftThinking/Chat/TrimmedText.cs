using System.Text;

namespace SoftThinking.Chat;

/// <summary>Text that arrives in pieces, without white space around the whole.</summary>
internal sealed class TrimmedText
{
    private readonly StringBuilder _space = new(); // that follows the text so far
    private bool _begun;

    /// <summary>Adds a piece, and returns what is certain to belong to the text.</summary>
    public string Add(string piece)
    {
        string text = _begun ? piece : piece.TrimStart();
        int certain = text.AsSpan().TrimEnd().Length;
        string added = "";
        if (certain > 0)
        {
            added = _space.Append(text, 0, certain).ToString();
            _space.Clear();
            _begun = true;
        }
        _space.Append(text, certain, text.Length - certain);
        return added;
    }
}

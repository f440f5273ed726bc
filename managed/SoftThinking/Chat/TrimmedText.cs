namespace SoftThinking.Chat;

/// <summary>Text that arrives in pieces, without white space around the whole.</summary>
internal sealed class TrimmedText
{
    private bool _begun;
    private string _space = ""; // that follows the text so far

    /// <summary>Adds a piece, and returns what is certain to belong to the text.</summary>
    public string Add(string piece)
    {
        string text = _begun ? _space + piece : piece.TrimStart();
        string certain = text.TrimEnd();
        if (certain.Length == 0)
        {
            _space = _begun ? text : "";
            return "";
        }
        (_begun, _space) = (true, text[certain.Length..]);
        return certain;
    }
}

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace SoftThinking.Evaluation.Reporting.Writing;

/// <summary>
/// Writes HTML that is XML as well. Text and attributes are escaped here and nowhere else, so that no caller can forget it; the
/// exception is <see cref="Trusted"/>.
/// </summary>
internal sealed class HtmlWriter
{
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StringBuilder _text = new("<!DOCTYPE html>\n");
    private readonly Stack<string> _open = new();

    public HtmlWriter Open(string tag, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(tag, attributes);
        _text.Append('>');
        _open.Push(tag);
        return this;
    }

    /// <summary>Closes the element opened last; the tag is there for the reader, and for a check.</summary>
    public HtmlWriter Close(string tag)
    {
        if (!_open.TryPop(out string? open) || open != tag)
            throw new InvalidOperationException($"<{tag}> is closed while <{open}> is open.");
        _text.Append("</").Append(tag).Append('>');
        return this;
    }

    public HtmlWriter Text(string text)
    {
        _text.Append(Encode(text));
        return this;
    }

    /// <summary>An element that contains nothing but text.</summary>
    public HtmlWriter Element(string tag, string text, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(tag, attributes);
        _text.Append('>').Append(Encode(text)).Append("</").Append(tag).Append('>');
        return this;
    }

    /// <summary>An element without content, such as meta.</summary>
    public HtmlWriter Void(string tag, params ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        Start(tag, attributes);
        _text.Append("/>");
        return this;
    }

    public HtmlWriter Line()
    {
        _text.Append('\n');
        return this;
    }

    /// <summary>Markup of this library, as it is; never anything that contains text from elsewhere unescaped.</summary>
    public HtmlWriter Trusted(string markup)
    {
        _text.Append(markup);
        return this;
    }

    public override string ToString() => _open.Count == 0
        ? _text.ToString() : throw new InvalidOperationException($"<{_open.Peek()}> is not closed.");

    private void Start(string tag, ReadOnlySpan<(string Name, string? Value)> attributes)
    {
        _text.Append('<').Append(tag);
        foreach ((string name, string? value) in attributes)
            if (value is not null)
                _text.Append(' ').Append(name).Append("=\"").Append(Encode(value)).Append('"');
    }

    private static string Encode(string text) => Encoder.Encode(SafeText.Clean(text));
}

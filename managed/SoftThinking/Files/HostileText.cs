using System.Text;

namespace SoftThinking.Files;

/// <summary>Prepares text that an untrusted file supplied for an error message.</summary>
internal static class HostileText
{
    private const int Limit = 120;

    /// <summary>The text in single quotes, without control characters (a terminal would act on them) and cut to a
    /// length that leaves the message readable.</summary>
    public static string Quote(string text)
    {
        StringBuilder shown = new("'");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, Limit)))
            shown.Append(char.IsControl(c) ? '?' : c);
        if (text.Length > Limit)
            shown.Append("...");
        return shown.Append('\'').ToString();
    }
}

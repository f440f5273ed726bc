namespace SoftThinking.Cli;

/// <summary>Formats numbers of bytes for display.</summary>
internal static class SizeText
{
    public static string Of(long bytes) => bytes switch
    {
        >= 1L << 30 => Text($"{bytes / (double)(1L << 30):N2} GiB"),
        >= 1L << 20 => Text($"{bytes / (double)(1L << 20):N2} MiB"),
        >= 1L << 10 => Text($"{bytes / (double)(1L << 10):N2} KiB"),
        _ => Text($"{bytes} bytes"),
    };

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}

using System.Globalization;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>strftime of a local time without a zone, in the C locale.</summary>
internal static class Strftime
{
    // Longer formats serve no purpose.
    private const int MaxFormat = 10_000;

    /// <exception cref="EvaluationException">The format has an unknown directive.</exception>
    public static string Format(DateTimeOffset time, string format)
    {
        if (format.Length > MaxFormat)
            throw new EvaluationException($"a time format of more than {MaxFormat} characters");
        StringBuilder text = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            char flag = format[++i] is '-' or '_' or '0' or '^' && i + 1 < format.Length ? format[i++] : '\0';
            string value = Directive(time, format[i]);
            text.Append(flag switch
            {
                '-' => Unpad(value, ""),
                '_' => Unpad(value, " "),
                '0' => value.Replace(' ', '0'),
                '^' => value.ToUpperInvariant(),
                _ => value,
            });
        }
        return text.ToString();
    }

    private static string Unpad(string value, string padding)
    {
        string digits = value.TrimStart('0', ' ');
        if (digits.Length == 0 && value.Length > 0)
            digits = "0";
        return padding.Length == 0 ? digits : digits.PadLeft(value.Length);
    }

    private static string Directive(DateTimeOffset time, char directive)
    {
        int hour12 = time.Hour % 12 == 0 ? 12 : time.Hour % 12;
        return directive switch
        {
            'a' => Culture(time, "ddd"),
            'A' => Culture(time, "dddd"),
            'b' or 'h' => Culture(time, "MMM"),
            'B' => Culture(time, "MMMM"),
            'c' => Format(time, "%a %b %e %H:%M:%S %Y"),
            'C' => Padded(time.Year / 100, 2),
            'd' => Padded(time.Day, 2),
            'D' or 'x' => Format(time, "%m/%d/%y"),
            'e' => time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'f' => Padded((int)(time.Ticks % TimeSpan.TicksPerSecond / 10), 6),
            'F' => Format(time, "%Y-%m-%d"),
            'g' => Padded(ISOWeek.GetYear(time.DateTime) % 100, 2),
            'G' => Padded(ISOWeek.GetYear(time.DateTime), 4),
            'H' => Padded(time.Hour, 2),
            'I' => Padded(hour12, 2),
            'j' => Padded(time.DayOfYear, 3),
            'k' => time.Hour.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'l' => hour12.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'm' => Padded(time.Month, 2),
            'M' => Padded(time.Minute, 2),
            'n' => "\n",
            'p' => time.Hour < 12 ? "AM" : "PM",
            'P' => time.Hour < 12 ? "am" : "pm",
            'r' => Format(time, "%I:%M:%S %p"),
            'R' => Format(time, "%H:%M"),
            's' => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'S' => Padded(time.Second, 2),
            't' => "\t",
            'T' or 'X' => Format(time, "%H:%M:%S"),
            'u' => time.DayOfWeek == DayOfWeek.Sunday ? "7" : Padded((int)time.DayOfWeek, 1),
            'U' => Padded((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7, 2),
            'V' => Padded(ISOWeek.GetWeekOfYear(time.DateTime), 2),
            'w' => Padded((int)time.DayOfWeek, 1),
            'W' => Padded((time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7, 2),
            'y' => Padded(time.Year % 100, 2),
            'Y' => time.Year.ToString(CultureInfo.InvariantCulture),
            'z' or 'Z' => "",
            '%' => "%",
            _ => throw new EvaluationException($"the time directive '%{directive}' is not supported"),
        };
    }

    private static string Culture(DateTimeOffset time, string format) =>
        time.ToString(format, CultureInfo.InvariantCulture);

    private static string Padded(int value, int digits) => value.ToString("D" + digits, CultureInfo.InvariantCulture);
}

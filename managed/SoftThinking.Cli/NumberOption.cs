using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace SoftThinking.Cli;

/// <summary>Numeric options, parsed in the same way in every locale, and validated by the
/// properties of the library that they set, which know their ranges.</summary>
internal static class NumberOption
{
    /// <param name="preset">The value when the option is absent; null for none.</param>
    /// <param name="check">Throws <see cref="ArgumentOutOfRangeException"/> for a value out of range, with a message that
    /// begins with the name of the property.</param>
    public static Option<T?> Create<T>(string name, string description, T? preset, Action<T> check)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => preset,
            CustomParser = result => Parse(result, name, check),
        };

    private static T? Parse<T>(ArgumentResult result, string name, Action<T> check) where T : struct, INumber<T>, IMinMaxValue<T>
    {
        string text = result.Tokens[0].Value;
        if (!T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T value))
        {
            string kind = value is float or double ? "a number" : string.Create(CultureInfo.InvariantCulture, $"a whole number from {T.MinValue} to {T.MaxValue}");
            result.AddError($"{name} must be {kind}, not '{text}'");
            return null;
        }
        try
        {
            check(value);
            return value;
        }
        catch (ArgumentOutOfRangeException error)
        {
            result.AddError(Rename(error, name));
            return null;
        }
    }

    /// <summary>The message of a library property, with the option's name instead of the property's.</summary>
    // "TopP must be …, not 2 (Parameter 'TopP')" → "--top-p must be …, not 2"
    public static string Rename(ArgumentOutOfRangeException error, string name)
    {
        string property = error.ParamName ?? "";
        string message = error.Message.Replace($" (Parameter '{property}')", "", StringComparison.Ordinal);
        return message.StartsWith(property, StringComparison.Ordinal) ? name + message[property.Length..] : $"{name}: {message}";
    }
}

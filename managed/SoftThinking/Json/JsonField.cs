using System.Globalization;
using System.Numerics;
using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Json;

/// <summary>A value of a JSON object with its key, which every error names. NaN, Infinity and -Infinity, where
/// <see cref="RequestJson.Parse"/> read them, are numbers.</summary>
/// <param name="Key">The key as messages show it, such as "messages[0].role".</param>
/// <param name="Value">The value.</param>
public readonly record struct JsonField(string Key, JsonElement Value)
{
    private const int LongestShown = 60;

    /// <summary>The value as text.</summary>
    /// <exception cref="JsonFieldException">The value is not text, or not Unicode.</exception>
    public string Text()
    {
        if (Value.ValueKind != JsonValueKind.String || PythonNumbers.NameOf(Value) != null)
            throw Wrong("text");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException error) // an escape of half a surrogate pair
        {
            throw new JsonFieldException(Key, $"{Key} must be Unicode text", error);
        }
    }

    /// <summary>The value as true or false.</summary>
    /// <exception cref="JsonFieldException">The value is neither.</exception>
    public bool Flag() => Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? Value.GetBoolean() : throw Wrong("true or false");

    /// <summary>The value as a number. Whether it is in range, and finite, the caller checks.</summary>
    /// <exception cref="JsonFieldException">The value is not a number of this type.</exception>
    public T Number<T>() where T : struct, INumber<T>, IMinMaxValue<T>
    {
        bool real = default(T) is float or double;
        if (real && PythonNumbers.ValueOf(Value) is double special)
            return T.CreateChecked(special);
        return Value.ValueKind == JsonValueKind.Number && T.TryParse(Value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out T number)
            ? number
            : throw Wrong(real ? "a number" : string.Create(CultureInfo.InvariantCulture, $"a whole number from {T.MinValue} to {T.MaxValue}"));
    }

    /// <summary>Applies the value. The error of a property that refuses it names the key in place of the property.</summary>
    /// <exception cref="JsonFieldException">The value is out of range.</exception>
    internal T Apply<T>(Func<T> set)
    {
        try
        {
            return set();
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw OutOfRange(error);
        }
    }

    /// <summary>Checks that a value of any kind contains nothing that a chat template cannot read.</summary>
    /// <exception cref="JsonFieldException">A text in it is not Unicode, a number is NaN or infinite, or an object has a key
    /// twice.</exception>
    public JsonElement CheckContent()
    {
        if (PythonNumbers.NameOf(Value) is string name)
            throw new JsonFieldException(Key, $"{Key} must not be {name}");
        if (Value.ValueKind == JsonValueKind.String)
        {
            Text();
        }
        else if (Value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonField element in Elements())
                element.CheckContent();
        }
        else if (Value.ValueKind == JsonValueKind.Object)
        {
            HashSet<string> keys = [];
            foreach (JsonField field in Fields($"{Key}."))
            {
                if (!keys.Add(field.Key))
                    throw new JsonFieldException(Key, $"{Key} has a key twice: {field.Key}");
                field.CheckContent();
            }
        }
        return Value;
    }

    /// <summary>The fields of a value that is an object.</summary>
    /// <param name="prefix">What precedes the name of a field in its key; null for nothing.</param>
    /// <exception cref="JsonFieldException">The value is not an object.</exception>
    /// <exception cref="ArgumentException">A name is not Unicode.</exception>
    public IEnumerable<JsonField> Fields(string? prefix = null)
    {
        if (Value.ValueKind != JsonValueKind.Object)
            throw Wrong("an object");
        foreach (JsonProperty property in Value.EnumerateObject())
            yield return new JsonField(prefix + NameOf(property), property.Value);
    }

    /// <summary>The elements of a value that is an array.</summary>
    /// <exception cref="JsonFieldException">The value is not an array.</exception>
    public IEnumerable<JsonField> Elements()
    {
        if (Value.ValueKind != JsonValueKind.Array)
            throw Wrong("an array");
        int i = 0;
        foreach (JsonElement element in Value.EnumerateArray())
            yield return new JsonField($"{Key}[{i++}]", element);
    }

    /// <summary>The error for a value that a property refuses. It names the key in place of the property: "TopP must be …, not 2" becomes
    /// "top_p must be …, not 2".</summary>
    /// <param name="error">The error of the property.</param>
    /// <exception cref="ArgumentNullException">The error is null.</exception>
    public JsonFieldException OutOfRange(ArgumentOutOfRangeException error)
    {
        ArgumentNullException.ThrowIfNull(error);
        string property = error.ParamName ?? "";
        string message = error.Message.Replace($" (Parameter '{property}')", "", StringComparison.Ordinal);
        message = message.StartsWith(property, StringComparison.Ordinal) ? Key + message[property.Length..] : $"{Key}: {message}";
        return new JsonFieldException(Key, message, error);
    }

    /// <summary>The error for a value of the wrong kind.</summary>
    /// <param name="kind">What it must be.</param>
    /// <exception cref="ArgumentNullException">The kind is null.</exception>
    public JsonFieldException Wrong(string kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        string shown = Value.ValueKind == JsonValueKind.Undefined ? "absent" : PythonNumbers.NameOf(Value) ?? Value.GetRawText();
        int length = Math.Min(shown.Length, LongestShown);
        if (length < shown.Length && char.IsHighSurrogate(shown[length - 1]))
            length--; // half a character
        return new JsonFieldException(Key, $"{Key} must be {kind}, not {shown[..length]}{(length < shown.Length ? "…" : "")}");
    }

    private static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException error)
        {
            throw new ArgumentException("a key must be Unicode text", error);
        }
    }
}

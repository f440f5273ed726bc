using System.Runtime.CompilerServices;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>The work that one rendering may do. Every step, element and piece of text is charged, so that no
/// template can run for long, use much memory, or exhaust the stack.</summary>
internal sealed class Budget
{
    /// <summary>Steps of one rendering. A long conversation needs about ten thousand.</summary>
    public const long MaxSteps = 10_000_000;

    /// <summary>UTF-16 units of one text, the output included.</summary>
    public const int MaxText = 16 << 20;

    /// <summary>Elements of one list.</summary>
    public const int MaxElements = 1 << 20;

    // All text that a rendering may create is MaxSteps times this: 640 MB.
    private const int CharactersPerStep = 32;

    private long _left = MaxSteps;

    /// <summary>Charges steps; every recursion also detects here that the stack is nearly exhausted.</summary>
    /// <exception cref="EvaluationException">Nothing is left.</exception>
    public void Charge(long steps)
    {
        _left -= steps;
        if (_left < 0)
            throw new EvaluationException($"the template takes more than {MaxSteps} steps");
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new EvaluationException("values or expressions are nested too deeply");
    }

    public void ChargeText(long length)
    {
        if (length > MaxText)
            throw new EvaluationException($"a text grows beyond {MaxText} characters");
        Charge(1 + length / CharactersPerStep);
    }

    /// <summary>Charges the lookup of a key: hashing a text reads all of it.</summary>
    public void ChargeKey(object? key)
    {
        if (Text.Is(key, out string? text))
            ChargeText(text.Length);
    }

    public void ChargeElements(long count)
    {
        if (count > MaxElements)
            throw new EvaluationException($"a list grows beyond {MaxElements} elements");
        Charge(1 + count);
    }
}

/// <summary>A text under construction that charges its growth.</summary>
internal sealed class BoundedText(Budget budget)
{
    private readonly StringBuilder _text = new();

    public void Append(string text)
    {
        budget.ChargeText((long)_text.Length + text.Length > Budget.MaxText ? long.MaxValue : text.Length);
        _text.Append(text);
    }

    public void Append(char character)
    {
        if (_text.Length >= Budget.MaxText)
            budget.ChargeText(long.MaxValue);
        _text.Append(character);
    }

    public override string ToString() => _text.ToString();
}

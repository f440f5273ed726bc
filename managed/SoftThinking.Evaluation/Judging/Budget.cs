namespace SoftThinking.Evaluation.Judging;

/// <summary>What one judgment may cost. Answers are hostile until judged: whatever grows is counted here.</summary>
internal sealed class Budget
{
    /// <summary>Characters of an answer that is read as mathematics.</summary>
    public const int MaxLength = 8000;

    /// <summary>Tokens of an answer.</summary>
    public const int MaxTokens = 4000;

    /// <summary>Nesting of an answer.</summary>
    public const int MaxDepth = 60;

    /// <summary>Bits of a numerator or denominator.</summary>
    public const long MaxBits = 40_000;

    /// <summary>Work of a judgment, in products of 64-bit words.</summary>
    public const long MaxWork = 4_000_000;

    /// <summary>Work done so far.</summary>
    public long Spent { get; private set; }

    /// <summary>Counts one operation.</summary>
    public void Spend(long work = 1)
    {
        Spent += work;
        if (Spent > MaxWork)
            throw new BudgetException();
    }

    /// <summary>Counts one product or division of numbers of so many bits.</summary>
    public void SpendBits(long bits) => Spend(16 + (bits / 64 * (bits / 64)));
}

/// <summary>A judgment costs more than it may.</summary>
internal sealed class BudgetException : Exception
{
    public BudgetException()
        : base("The answer is too large to be judged.")
    {
    }
}

using System.Text.Json.Nodes;

namespace SoftThinking.Chat;

/// <summary>Levels of effort, by the names of the OpenAI API, as thinking budgets.</summary>
public static class ReasoningEffort
{
    /// <summary>The level that turns thinking off.</summary>
    public const string None = "none";

    private static readonly Dictionary<string, int?> Budgets = new()
    {
        [None] = 0,
        ["minimal"] = 512,
        ["low"] = 1024,
        ["medium"] = 8192,
        ["high"] = 24576,
        ["xhigh"] = 65536,
        ["max"] = null,
    };

    /// <summary>The names of the levels, the lowest first.</summary>
    public static IReadOnlyCollection<string> Levels => Budgets.Keys;

    /// <summary>A request with the budget of a level in thoughts: minimal 512, low 1,024, medium 8,192, high 24,576, xhigh 65,536, max
    /// without a limit. "none" also sets the template variables <c>enable_thinking</c> and <c>thinking</c> to false; where the
    /// template opens a thought all the same, it is closed at once.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The level is unknown.</exception>
    public static GenerationRequest Apply(GenerationRequest request, string level)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(level);
        if (!Budgets.TryGetValue(level, out int? budget))
            throw new ArgumentException($"the reasoning effort must be {string.Join(", ", Levels)}, not \"{level}\"");
        request = request with { Sampling = request.Sampling with { MaxThinkingTokens = budget } };
        return level == None && request.Prompt is ChatPrompt chat ? request with { Prompt = chat with { TemplateVariables = Off(chat) } } : request;
    }

    private static JsonObject Off(ChatPrompt chat)
    {
        JsonObject variables = chat.TemplateVariables?.DeepClone().AsObject() ?? [];
        foreach (string name in new[] { "enable_thinking", "thinking" })
            variables[name] = false;
        return variables;
    }
}

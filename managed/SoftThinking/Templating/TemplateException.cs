namespace SoftThinking.Templating;

/// <summary>A chat template cannot be parsed, uses a feature that this engine does not have, fails while rendering
/// (which includes the template's own <c>raise_exception</c>), or exceeds a limit on steps, depth or size.</summary>
public sealed class TemplateException : Exception
{
    /// <param name="template">Name of the template, usually the file it came from.</param>
    /// <param name="line">Line in the template, counted from 1; 0 where no line is known.</param>
    /// <param name="problem">What is wrong; for <c>raise_exception</c> the template's own message.</param>
    /// <param name="inner">The error that revealed it, if any.</param>
    internal TemplateException(string template, int line, string problem, Exception? inner = null)
        : base($"{template}: line {line}: {problem}", inner) => (Template, Line, Problem) = (template, line, problem);

    /// <summary>Name of the template, usually the file it came from.</summary>
    public string Template { get; }

    /// <summary>Line in the template, counted from 1; 0 where no line is known.</summary>
    public int Line { get; }

    /// <summary>What is wrong, without template and line.</summary>
    public string Problem { get; }
}

/// <summary>An error inside a value operation, which knows neither template nor line. The parser and the interpreter
/// turn it into a <see cref="TemplateException"/>.</summary>
internal sealed class EvaluationException(string message) : Exception(message);

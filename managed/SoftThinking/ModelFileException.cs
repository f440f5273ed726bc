namespace SoftThinking;

/// <summary>A file of a checkpoint (weights, configuration, tokenizer, chat template) is missing, broken, or asks for
/// something this engine does not have. The message begins with the file and says what is wrong in it.</summary>
public sealed class ModelFileException : Exception
{
    /// <param name="file">Path of the file as the user gave it.</param>
    /// <param name="problem">What is wrong, naming the tensor, key or value; one sentence without the path.</param>
    /// <param name="inner">The error that revealed it, if any.</param>
    internal ModelFileException(string file, string problem, Exception? inner = null)
        : base($"{file}: {problem}", inner) => File = file;

    /// <summary>Path of the file as the user gave it.</summary>
    public string File { get; }
}

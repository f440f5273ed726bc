using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>The tokens that a tokenizer adds before and after each text, if tokenizer_config.json determines them.</summary>
internal static class TextEnds
{
    /// <summary>Classes of transformers that replace the post-processor of tokenizer.json according to "add_bos_token" (default
    /// true) and "add_eos_token" (default false). Others keep it and ignore these keys.</summary>
    private static readonly string[] Classes =
        ["LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast"];

    /// <summary>Ids before and after each text; null if tokenizer.json determines them.</summary>
    /// <param name="find">Returns the id of a token by its content; null if there is none.</param>
    /// <exception cref="ModelFileException">A token is requested but not named.</exception>
    public static (int[] Prefix, int[] Suffix)? Find(TokenizerSettings settings, Func<string, int?> find)
    {
        if (settings.Config is not JsonSettings config || !Classes.Contains(config.OptionalText("tokenizer_class")))
            return null;
        bool? begin = config.OptionalFlag("add_bos_token"), end = config.OptionalFlag("add_eos_token");
        int? bos = IdOf(settings, "bos_token", "<s>", find), eos = IdOf(settings, "eos_token", "</s>", find);
        if (begin == true && bos == null)
            throw config.Refuse("add_bos_token", "is true, but there is no bos_token");
        if (end == true && eos == null)
            throw config.Refuse("add_eos_token", "is true, but there is no eos_token");
        if (begin == null && bos == null)
            return null; // the class would add a token that neither file defines
        return (begin ?? true ? [bos!.Value] : [], end ?? false ? [eos!.Value] : []);
    }

    private static int? IdOf(TokenizerSettings settings, string name, string byDefault, Func<string, int?> find)
    {
        if (settings.Named.TryGetValue(name, out ConfiguredToken? token))
            return find(token.Content);
        return settings.Config!.Has(name) ? null : find(byDefault);
    }
}

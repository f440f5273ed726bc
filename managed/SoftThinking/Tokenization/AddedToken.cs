namespace SoftThinking.Tokenization;

/// <summary>A token that is matched in the text as a whole, before it is split into words: control tokens such as
/// &lt;|im_end|&gt;, and markers such as &lt;/think&gt;.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Content">The text of the token; never empty.</param>
/// <param name="IsSpecial">Whether decoding can skip it.</param>
/// <param name="IsNormalized">Whether it is matched after normalization, in its normalized form, instead of
/// before.</param>
/// <param name="IsSingleWord">Whether an occurrence next to a word character is ignored.</param>
/// <param name="StripsLeft">Whether the match includes white space before it.</param>
/// <param name="StripsRight">Whether the match includes white space after it.</param>
internal sealed record AddedToken(
    int Id,
    string Content,
    bool IsSpecial,
    bool IsNormalized,
    bool IsSingleWord,
    bool StripsLeft,
    bool StripsRight);

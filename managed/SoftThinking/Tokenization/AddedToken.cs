namespace SoftThinking.Tokenization;

/// <summary>A token that is recognised in the text as a whole, before it is split into words: control tokens such as
/// &lt;|im_end|&gt;, and markers such as &lt;/think&gt;.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="Content">The text that stands for the token; never empty.</param>
/// <param name="IsSpecial">Whether decoding can skip it.</param>
/// <param name="IsNormalized">Whether it is searched for after normalization, in its normalized form, instead of
/// before.</param>
/// <param name="IsSingleWord">Whether an occurrence that touches a word character on either side is left alone.</param>
/// <param name="StripsLeft">Whether white space before an occurrence belongs to it.</param>
/// <param name="StripsRight">Whether white space after an occurrence belongs to it.</param>
internal sealed record AddedToken(
    int Id,
    string Content,
    bool IsSpecial,
    bool IsNormalized,
    bool IsSingleWord,
    bool StripsLeft,
    bool StripsRight);

namespace SoftThinking.Chat;

/// <summary>Where a <see cref="JsonScanner"/> is: what may follow.</summary>
internal enum JsonPlace
{
    /// <summary>The object.</summary>
    Start,

    /// <summary>A value.</summary>
    Value,

    /// <summary>A value, or the end of the list.</summary>
    FirstItem,

    /// <summary>A key, or the end of the object.</summary>
    FirstKey,

    /// <summary>A key.</summary>
    Key,

    /// <summary>The colon after a key.</summary>
    Colon,

    /// <summary>A comma, or the end of the list or object.</summary>
    AfterValue,

    /// <summary>The rest of a string, which may be a key.</summary>
    String,

    /// <summary>What a backslash escapes.</summary>
    Escape,

    /// <summary>The rest of the four digits of an escape.</summary>
    Hex,

    /// <summary>The rest of a number.</summary>
    Number,

    /// <summary>The rest of true, false or null.</summary>
    Literal,

    /// <summary>White space: the object is complete.</summary>
    Done,
}

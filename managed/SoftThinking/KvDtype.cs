namespace SoftThinking;

/// <summary>Number format of the KV cache.</summary>
public enum KvDtype
{
    /// <summary>2 bytes an element.</summary>
    Bf16,

    /// <summary>4 bytes an element. The inputs of matmuls are then not rounded to bf16 either, where that would be faster.</summary>
    F32,

    /// <summary>
    /// 1 byte an element, and 4 for each key and each value: integers from -127 to 127 times a scale. A Hadamard matrix spreads elements that
    /// are large in all keys over the others before these are rounded.
    /// </summary>
    Int8,
}

namespace SoftThinking;

/// <summary>Number format of the KV cache.</summary>
public enum KvDtype
{
    /// <summary>2 bytes an element.</summary>
    Bf16,

    /// <summary>4 bytes an element. The inputs of matmuls are then not rounded to bf16 either, where that would be faster.</summary>
    F32,
}

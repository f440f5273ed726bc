using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Inputs of a pass that are a caller's rows in place of tokens' embeddings.</summary>
/// <param name="Row">The first row of the pass.</param>
/// <param name="Source">Device memory [count, hidden].</param>
internal readonly record struct InputRows(int Row, int Count, nint Source, NativeDtype Dtype);

using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>A checkpoint as `inspect` shows it, in either form.</summary>
/// <param name="Model">The model as the user named it.</param>
internal sealed record ModelFacts(string Model, ModelInspection Found, KvDtype KvDtype);

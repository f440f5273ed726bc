using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The facts about a checkpoint that `inspect` prints, in either format.</summary>
/// <param name="Model">Name of the model, as the user entered it.</param>
internal sealed record ModelFacts(string Model, ModelInspection Found, KvDtype KvDtype);

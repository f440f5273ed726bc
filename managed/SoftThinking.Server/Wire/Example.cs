namespace SoftThinking.Server.Wire;

/// <summary>An example of a request, for the documentation.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Json">Its body.</param>
internal sealed record Example(string Name, string Json);

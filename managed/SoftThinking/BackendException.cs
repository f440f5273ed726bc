namespace SoftThinking;

/// <summary>A native backend could not be loaded, or one of its operations failed; the message is the backend's own.</summary>
public sealed class BackendException(string message) : Exception(message);

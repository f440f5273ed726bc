using System.Text.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>A way to ask for a generation over the wire. All of them are translations of <see cref="Call"/> and
/// <see cref="ReplyEvent"/>.</summary>
internal interface IDialect
{
    /// <summary>Reads the body of a request.</summary>
    /// <exception cref="WireException">The body is wrong.</exception>
    /// <exception cref="ArgumentException">A field is wrong.</exception>
    Call Read(JsonElement body, CallContext context);

    /// <summary>Writes a whole reply, as a JSON value.</summary>
    void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context);

    /// <summary>A writer of the events of one reply.</summary>
    IReplyWriter Stream(EventStream stream, Call call, CallContext context);

    /// <summary>Writes an error, as a JSON value.</summary>
    void WriteError(Utf8JsonWriter json, WireError error);
}

/// <summary>Writes a reply as it is generated.</summary>
internal interface IReplyWriter
{
    void Add(ReplyEvent next);

    /// <summary>The reply is complete.</summary>
    void End();

    /// <summary>The reply could not be completed.</summary>
    void Fail(WireError error);

    /// <summary>Nothing was generated for a while: something has to be sent that keeps the connection open.</summary>
    void KeepAlive();
}

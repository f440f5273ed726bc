using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SoftThinking.Server.Wire;

/// <summary>A stream of server-sent events. What is written is sent with <see cref="FlushAsync"/>.</summary>
internal sealed class EventStream : IDisposable
{
    public const string ContentType = "text/event-stream";

    /// <summary>As it is read by programs, "&lt;" need not be escaped.</summary>
    public static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> _pending = new(4096);
    private readonly Stream _body;
    private readonly Utf8JsonWriter _json;
    private long _sent = Stopwatch.GetTimestamp();

    /// <summary>Whether so much waits to be sent that no more should be added.</summary>
    public bool IsFull => _pending.WrittenCount > 1 << 16;

    /// <summary>Whether nothing waits to be sent.</summary>
    public bool IsEmpty => _pending.WrittenCount == 0;

    /// <summary>Time since something was sent.</summary>
    public TimeSpan Silence => Stopwatch.GetElapsedTime(_sent);

    public EventStream(Stream body) => (_body, _json) = (body, new Utf8JsonWriter(_pending, Json));

    /// <summary>Writes an event.</summary>
    /// <param name="name">Its name; null for none.</param>
    /// <param name="write">Writes its data, a JSON value.</param>
    public void Write(string? name, Action<Utf8JsonWriter> write)
    {
        if (name != null)
        {
            _pending.Write("event: "u8);
            WriteText(name);
            _pending.Write("\n"u8);
        }
        _pending.Write("data: "u8);
        _json.Reset();
        write(_json);
        _json.Flush();
        _pending.Write("\n\n"u8);
    }

    /// <summary>Writes an event without a name whose data is a text.</summary>
    public void Write(string data)
    {
        _pending.Write("data: "u8);
        WriteText(data);
        _pending.Write("\n\n"u8);
    }

    /// <summary>Writes a comment, which clients ignore.</summary>
    public void Comment() => _pending.Write(":\n\n"u8);

    public async Task FlushAsync(CancellationToken cancellation)
    {
        if (IsEmpty)
            return;
        _sent = Stopwatch.GetTimestamp();
        await _body.WriteAsync(_pending.WrittenMemory, cancellation).ConfigureAwait(false);
        _pending.ResetWrittenCount();
        await _body.FlushAsync(cancellation).ConfigureAwait(false);
    }

    public void Dispose() => _json.Dispose();

    private void WriteText(string text) => Encoding.UTF8.GetBytes(text.AsSpan(), _pending);
}

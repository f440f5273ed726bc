namespace SoftThinking.Cli;

/// <summary>A stream for messages: what it cannot write is lost. A command whose standard error is closed, or goes to a disk that is full,
/// still does its work, and ends with the exit code of that work.</summary>
internal sealed class LossyStream(Stream inner) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) // the latter where it is closed
        {
            // There is nowhere left to report it.
        }
    }

    public override void Flush()
    {
        // The streams of standard error have no buffer.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

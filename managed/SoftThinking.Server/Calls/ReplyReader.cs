using System.Runtime.CompilerServices;
using System.Threading.Channels;
using SoftThinking.Chat;

namespace SoftThinking.Server.Calls;

/// <summary>Generates the reply to a call, as events.</summary>
internal static class ReplyReader
{
    /// <summary>Submits the call when the first event is requested. All errors are those of <see cref="Engine.StreamAsync"/>, and come
    /// with the events.</summary>
    public static IAsyncEnumerable<ReplyEvent> ReadAsync(Engine engine, Call call, CancellationToken cancellation) =>
        call.Requests.Count == 1 ? ReadAsync(engine, call, 0, 0, cancellation) : ReadManyAsync(engine, call, cancellation);

    /// <param name="request">Which request of the call.</param>
    /// <param name="first">Its first choice.</param>
    private static async IAsyncEnumerable<ReplyEvent> ReadAsync(
        Engine engine, Call call, int request, int first, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ChatReader[] readers = [.. Enumerable.Range(0, call.Requests[request].Samples).Select(_ => new ChatReader(engine.Tokenizer, call.Tools))];
        var ends = new ThinkingEnd?[readers.Length];
        await foreach (GenerationEvent next in engine.StreamAsync(call.Requests[request], cancellation).ConfigureAwait(false))
        {
            int choice = first + next.Sample;
            ChatReader reader = readers[next.Sample];
            switch (next)
            {
                case GenerationStarted started:
                    yield return new ReplyStarted(choice, started);
                    break;
                case GeneratedToken token:
                    ends[next.Sample] ??= token.ThinkingEnd;
                    yield return Piece(call, choice, reader.Add(token));
                    break;
                case GenerationFinished finished:
                    ChatDelta rest = reader.Finish();
                    if (!rest.IsEmpty)
                        yield return Piece(call, choice, rest);
                    yield return new ReplyEnded(choice, finished, reader.ToolCalls > 0) { ThinkingEnd = ends[next.Sample] };
                    break;
            }
        }
    }

    private static ReplyPiece Piece(Call call, int choice, ChatDelta delta) => new(choice, call.SingleToolCall && delta.ToolCalls.Count > 0
        ? delta with { ToolCalls = [.. delta.ToolCalls.Where(tool => tool.Index == 0)] }
        : delta);

    /// <summary>Events of several requests, as they come. The first error ends all.</summary>
    private static async IAsyncEnumerable<ReplyEvent> ReadManyAsync(
        Engine engine, Call call, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel<ReplyEvent> merged = Channel.CreateUnbounded<ReplyEvent>(new UnboundedChannelOptions { SingleReader = true });
        Task copying = CopyAllAsync();
        try
        {
            await foreach (ReplyEvent next in merged.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                yield return next;
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await copying.ConfigureAwait(false);
        }

        async Task CopyAllAsync()
        {
            Exception? error = null;
            int choice = 0;
            Task[] copies = [.. call.Requests.Select((request, i) => CopyAsync(i, (choice += request.Samples) - request.Samples))];
            try
            {
                await Task.WhenAll(copies).ConfigureAwait(false);
            }
            catch
            {
                // The first error, not the cancellations that it caused.
                error = copies.Select(copy => copy.Exception?.InnerException).FirstOrDefault(e => e != null) ?? new OperationCanceledException(cancellation);
            }
            merged.Writer.TryComplete(error);
        }

        async Task CopyAsync(int request, int first)
        {
            try
            {
                await foreach (ReplyEvent next in ReadAsync(engine, call, request, first, ended.Token).ConfigureAwait(false))
                    merged.Writer.TryWrite(next);
            }
            catch
            {
                await ended.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}

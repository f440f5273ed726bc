using System.Text.Json;

namespace SoftThinking.Evaluation.Results;

/// <summary>
/// The items that a run has finished: a file to which each item is appended as one line, in the order in which they end. A
/// process that is killed loses the items in flight and nothing else.
/// </summary>
public sealed class ResultLog : IDisposable
{
    private readonly Dictionary<int, ItemResult> _items = [];
    private readonly FileStream _file;
    private readonly Lock _lock = new();

    private ResultLog(FileStream file) => _file = file;

    /// <summary>Lines that were set aside because they hold no whole item.</summary>
    public int BrokenLines { get; private set; }

    /// <summary>The finished items, sorted by index.</summary>
    public IReadOnlyList<ItemResult> Items
    {
        get
        {
            lock (_lock)
                return [.. _items.Values.OrderBy(item => item.Index)];
        }
    }

    /// <summary>Opens a log, and reads what is in it. Lines that hold no whole item move to a file beside it, with the ending
    /// ".broken".</summary>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    public static ResultLog Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ResultLog log = new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0));
        try
        {
            log.ReadAll(path);
            return log;
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Reads the items of a log, sorted by index, and changes nothing: another process may be writing to it. A file that does
    /// not exist has none.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<ItemResult> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            return [];
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return [.. Parse(bytes).Items.Values.OrderBy(item => item.Index)];
    }

    /// <summary>Whether an item is finished: it is there, and none of its samples failed.</summary>
    public bool Has(int index)
    {
        lock (_lock)
            return _items.TryGetValue(index, out ItemResult? item) && item.Samples.All(sample => sample.Error == null);
    }

    /// <summary>Appends an item and writes it to the disk.</summary>
    /// <exception cref="IOException">The line cannot be written, as on a full disk. The file is as before.</exception>
    public void Append(ItemResult item)
    {
        ArgumentNullException.ThrowIfNull(item);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(item, ResultsJson.Line.ItemResult);
        lock (_lock)
        {
            long length = _file.Length;
            try
            {
                _file.Position = length;
                _file.Write([.. json, (byte)'\n']);
                _file.Flush(flushToDisk: true);
            }
            catch
            {
                _file.SetLength(length);
                throw;
            }
            _items[item.Index] = item;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void ReadAll(string path)
    {
        byte[] bytes = new byte[_file.Length];
        _file.ReadExactly(bytes);
        (Dictionary<int, ItemResult> items, List<byte[]> broken) = Parse(bytes);
        foreach ((int index, ItemResult item) in items)
            _items.Add(index, item);
        BrokenLines = broken.Count;
        if (broken.Count > 0)
            SetAside(path, broken);
    }

    private static (Dictionary<int, ItemResult> Items, List<byte[]> Broken) Parse(byte[] bytes)
    {
        Dictionary<int, ItemResult> items = [];
        List<byte[]> broken = [];
        int start = 0;
        while (start < bytes.Length)
        {
            int end = Array.IndexOf(bytes, (byte)'\n', start);
            byte[] line = bytes[start..(end < 0 ? bytes.Length : end)];
            // A line without an end may be cut anywhere, even after a brace.
            if (end >= 0 && ParseLine(line) is ItemResult item)
                items[item.Index] = item; // the last counts: one that failed before ran again
            else
                broken.Add(line);
            start = end < 0 ? bytes.Length : end + 1;
        }
        return (items, broken);
    }

    /// <returns>Null where the line holds no whole item.</returns>
    private static ItemResult? ParseLine(byte[] line)
    {
        try
        {
            ItemResult? item = JsonSerializer.Deserialize(line, ResultsJson.Line.ItemResult);
            bool whole = item is { Index: >= 0, Samples.Count: > 0 }
                && item.Samples.All(sample => sample is { ThinkingTokens: >= 0, AnswerTokens: >= 0 });
            return whole ? item : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // In this order: a crash in between leaves a line twice, and none lost.
    private void SetAside(string path, List<byte[]> broken)
    {
        using (FileStream aside = new(path + ".broken", FileMode.Append, FileAccess.Write))
        {
            foreach (byte[] line in broken)
                aside.Write([.. line, (byte)'\n']);
            aside.Flush(flushToDisk: true);
        }
        string whole = path + ".tmp";
        using (FileStream copy = new(whole, FileMode.Create, FileAccess.Write))
        {
            foreach (ItemResult item in _items.Values)
                copy.Write([.. JsonSerializer.SerializeToUtf8Bytes(item, ResultsJson.Line.ItemResult), (byte)'\n']);
            copy.Flush(flushToDisk: true);
        }
        // The open file is rewritten, not replaced: others must see the same file.
        byte[] lines = File.ReadAllBytes(whole);
        _file.Position = 0;
        _file.Write(lines);
        _file.SetLength(lines.Length);
        _file.Flush(flushToDisk: true);
        File.Delete(whole);
    }
}

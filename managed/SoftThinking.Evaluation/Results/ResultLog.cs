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

    /// <summary>Opens a log, and reads what is in it. The caller is the only writer; others may read meanwhile. Lines that hold no whole item move to a file beside it, with the ending
    /// ".broken".</summary>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    public static ResultLog Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ResultLog log = new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0));
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
        return [.. Parse(file).Items.Values.OrderBy(item => item.Index)];
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
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(item, ResultsJson.Line.ItemResult), (byte)'\n'];
        lock (_lock)
        {
            long length = _file.Length;
            try
            {
                _file.Position = length;
                _file.Write(line);
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
        (Dictionary<int, ItemResult> items, List<LogLine> broken) = Parse(_file);
        foreach ((int index, ItemResult item) in items)
            _items.Add(index, item);
        BrokenLines = broken.Count;
        if (broken.Count > 0)
            SetAside(path, broken);
    }

    private static (Dictionary<int, ItemResult> Items, List<LogLine> Broken) Parse(FileStream file)
    {
        Dictionary<int, ItemResult> items = [];
        List<LogLine> broken = [];
        foreach (LogLine line in LogLine.ReadAll(file))
        {
            // A line without an end may be cut anywhere, even after a brace.
            if (line.Ended && ItemLine.Parse(line.Bytes) is ItemResult item)
                items[item.Index] = item; // the last counts: one that failed before ran again
            else if (!line.IsBlank)
                broken.Add(line);
        }
        return (items, broken);
    }

    // Broken lines become blank where they are, and whole ones stay untouched. In this order a crash leaves a broken line in both
    // files, and nothing is lost.
    private void SetAside(string path, List<LogLine> broken)
    {
        using (FileStream aside = new(path + ".broken", FileMode.Append, FileAccess.Write))
        {
            foreach (LogLine line in broken)
                aside.Write([.. line.Bytes, (byte)'\n']);
            aside.Flush(flushToDisk: true);
        }
        foreach (LogLine line in broken)
        {
            _file.Position = line.Offset;
            if (line.Ended)
                _file.Write(LogLine.Blank(line.Bytes.Length));
            else
                _file.SetLength(line.Offset);
        }
        _file.Flush(flushToDisk: true);
    }
}

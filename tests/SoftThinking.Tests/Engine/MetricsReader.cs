using System.Diagnostics.Metrics;

namespace SoftThinking.Tests;

/// <summary>Listens to the metrics of one engine.</summary>
internal sealed class MetricsReader : IDisposable
{
    private readonly Dictionary<string, double> _values = [];
    private readonly Lock _lock = new();
    private readonly MeterListener _listener;

    public MetricsReader(Engine engine)
    {
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "SoftThinking" && instrument.Meter.Scope == engine)
                    self.EnableMeasurementEvents(instrument);
            },
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Set(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Set(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            if (instrument is Histogram<double>)
                AddUp(instrument, value);
            else
                Set(instrument, value, tags);
        });
        _listener.Start();
    }

    /// <summary>The values now by name without prefix, with a tag's value after it: "request_success.stop"; of a histogram ".count" and ".sum".</summary>
    public IReadOnlyDictionary<string, double> Read()
    {
        _listener.RecordObservableInstruments();
        lock (_lock)
            return new Dictionary<string, double>(_values);
    }

    public void Dispose() => _listener.Dispose();

    private static string NameOf(Instrument instrument) => instrument.Name["softthinking.".Length..];

    private void Set(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
            _values[NameOf(instrument) + (tags.Length > 0 ? "." + tags[0].Value : "")] = value;
    }

    private void AddUp(Instrument instrument, double value)
    {
        lock (_lock)
        {
            _values[NameOf(instrument) + ".count"] = _values.GetValueOrDefault(NameOf(instrument) + ".count") + 1;
            _values[NameOf(instrument) + ".sum"] = _values.GetValueOrDefault(NameOf(instrument) + ".sum") + value;
        }
    }
}

namespace SoftThinking.Interop.Cuda;

/// <summary>Called for each engine step that samples, between the LM head and what follows on the logits: penalties, biases, sampling,
/// log-probabilities. It may submit work to the stream that reads the logits or changes them in place; what it submits is ordered between
/// the two. It runs on the engine's thread, and all requests wait for it: it should not wait for the device. An exception ends the
/// requests whose rows the step has, with a <see cref="GenerationException"/>. A row may belong to a sample that has just ended; what is
/// sampled from it is not used.</summary>
/// <param name="logits">The step; valid during the call.</param>
public delegate void LogitsHook(StepLogits logits);

/// <summary>The logits of an engine step on the device. Work on another stream that reads them has to wait for an event that is recorded
/// here, and the engine's stream for one that is recorded after that work, because the next step writes to the same memory.</summary>
public sealed class StepLogits
{
    private readonly DeviceStream _stream;

    internal StepLogits(DeviceStream stream, nint logits, int vocabulary, IReadOnlyList<LogitsRow> rows)
    {
        (_stream, DevicePointer, Vocabulary, Rows) = (stream, logits, vocabulary, rows);
        Stream = stream.CudaStream;
    }

    /// <summary>The CUstream that the engine works on, of its device's primary context. 0 on the CPU: there the logits are complete during the
    /// call, and what the hook does to them happens at once.</summary>
    public nint Stream { get; }

    /// <summary>The logits, f32 [<see cref="Rows"/>, <see cref="Vocabulary"/>] without padding: a CUdeviceptr, or on the CPU an address.</summary>
    public nint DevicePointer { get; }

    /// <summary>What each row belongs to.</summary>
    public IReadOnlyList<LogitsRow> Rows { get; }

    /// <summary>Logits of a row: the size of the model's vocabulary.</summary>
    public int Vocabulary { get; }

    /// <summary>Records a caller's event on the engine's stream, after the work that writes the logits.</summary>
    /// <param name="cudaEvent">A CUevent of the primary context.</param>
    /// <exception cref="BackendException">The engine computes on the CPU, or CUDA refuses the event.</exception>
    public void RecordEvent(nint cudaEvent) => _stream.RecordCudaEvent(cudaEvent);

    /// <summary>Makes the engine's stream wait for a caller's event before it reads the logits.</summary>
    /// <param name="cudaEvent">A CUevent of the primary context, recorded already.</param>
    /// <exception cref="BackendException">The engine computes on the CPU, or CUDA refuses the event.</exception>
    public void WaitForEvent(nint cudaEvent) => _stream.WaitForCudaEvent(cudaEvent);
}

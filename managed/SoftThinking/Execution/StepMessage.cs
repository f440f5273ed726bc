using System.Buffers;
using System.Runtime.InteropServices;
using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking.Execution;

/// <summary>How a step is launched.</summary>
/// <param name="Graph">Whether as a recorded graph.</param>
/// <param name="Fast">Whether its matmuls may give up batch invariance.</param>
internal readonly record struct StepLaunch(StepShape Shape, bool Graph, bool Fast);

/// <summary>The bytes that one rank sends the others to launch a step: how, what changes in the slots, and the inputs.</summary>
internal static class StepMessage
{
    /// <summary>What precedes the variable parts of a <see cref="SlotUpdate"/>.</summary>
    private readonly record struct UpdateHeader(
        int Slot, bool Starts, bool Penalizes, int BiasIds, int BiasValues, int Hard, int Eat, int Deer, int Prompt, SlotSampling Sampling, SequenceState State, Penalties Penalties);

    public static byte[] Write(StepLaunch launch, ReadOnlySpan<SlotUpdate> updates, HostInputs inputs, int entries)
    {
        ArrayBufferWriter<byte> message = new();
        Write(message, launch);
        Write(message, updates.Length);
        foreach (ref readonly SlotUpdate update in updates)
            Write(message, update);
        for (int part = 0; part < HostInputs.Parts; part++)
            message.Write(inputs.Used(part, launch.Shape, entries));
        return message.WrittenSpan.ToArray();
    }

    /// <summary>Adds the message's updates to a list, and copies its inputs.</summary>
    public static StepLaunch Read(ReadOnlySpan<byte> message, List<SlotUpdate> updates, HostInputs inputs, int entries)
    {
        StepLaunch launch = Read<StepLaunch>(ref message);
        for (int left = Read<int>(ref message); left > 0; left--)
            updates.Add(ReadUpdate(ref message));
        for (int part = 0; part < HostInputs.Parts; part++)
        {
            Span<byte> bytes = inputs.Used(part, launch.Shape, entries);
            message[..bytes.Length].CopyTo(bytes);
            message = message[bytes.Length..];
        }
        return launch;
    }

    private static void Write(ArrayBufferWriter<byte> message, in SlotUpdate update)
    {
        SlotStart start = update.Start ?? new SlotStart { Bias = new([], []), Lists = SlotLists.None, Prompt = [] };
        Write(message, new UpdateHeader(update.Slot, update.Start != null, start.Penalizes, start.Bias.Ids.Length, start.Bias.Values.Length,
            start.Lists.Hard.Length, start.Lists.Eat.Length, start.Lists.Deer.Length, start.Prompt.Length, update.Sampling, start.State, start.Penalties));
        message.Write(MemoryMarshal.AsBytes<int>(start.Bias.Ids));
        message.Write(MemoryMarshal.AsBytes<float>(start.Bias.Values));
        message.Write(MemoryMarshal.AsBytes<int>(start.Lists.Hard));
        message.Write(MemoryMarshal.AsBytes<int>(start.Lists.Eat));
        message.Write(MemoryMarshal.AsBytes<int>(start.Lists.Deer));
        message.Write(MemoryMarshal.AsBytes<int>(start.Prompt));
    }

    private static SlotUpdate ReadUpdate(ref ReadOnlySpan<byte> message)
    {
        UpdateHeader header = Read<UpdateHeader>(ref message);
        LogitBias bias = new(ReadArray<int>(ref message, header.BiasIds), ReadArray<float>(ref message, header.BiasValues));
        SlotLists lists = new(ReadArray<int>(ref message, header.Hard), ReadArray<int>(ref message, header.Eat), ReadArray<int>(ref message, header.Deer));
        int[] prompt = ReadArray<int>(ref message, header.Prompt);
        return new(header.Slot, header.Sampling, header.Starts ? new SlotStart(header.State, header.Penalizes, header.Penalties, bias, lists, prompt) : null);
    }

    private static void Write<T>(ArrayBufferWriter<byte> message, T value) where T : unmanaged =>
        message.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    private static unsafe T Read<T>(ref ReadOnlySpan<byte> message) where T : unmanaged
    {
        T value = MemoryMarshal.Read<T>(message);
        message = message[sizeof(T)..];
        return value;
    }

    private static unsafe T[] ReadArray<T>(ref ReadOnlySpan<byte> message, int count) where T : unmanaged
    {
        T[] values = new T[count];
        message[..(count * sizeof(T))].CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        message = message[(count * sizeof(T))..];
        return values;
    }
}

using System.Text;

namespace SoftThinking.Interop;

/// <summary>A device's place among the ranks that compute one model together.</summary>
internal sealed unsafe class DeviceComm : DeviceChild
{
    /// <summary>Joins the ranks of an id, and waits for the others to do so, each on a thread of its own.</summary>
    /// <param name="id">From <see cref="NewId"/> of one rank.</param>
    /// <param name="timeout">How long a rank waits for the others, now and in each collective operation.</param>
    /// <param name="transport">The transport of ranks in other processes, an st_transport; 0 for the backend's own.</param>
    /// <exception cref="BackendException">The others do not come, or their library is missing.</exception>
    public DeviceComm(Device device, int rank, int ranks, ReadOnlySpan<byte> id, TimeSpan timeout, nint transport = 0)
        : base(device)
    {
        Ranks = ranks;
        CommOptions options = new()
        {
            Size = (uint)sizeof(CommOptions),
            Rank = rank,
            Ranks = ranks,
            TimeoutMs = (uint)timeout.TotalMilliseconds,
            Transport = transport,
        };
        id.CopyTo(new Span<byte>(options.Id, CommOptions.IdBytes));
        nint comm;
        Adopt(device.Api->CommCreate(device.Handle, &options, &comm), comm);
    }

    public int Ranks { get; }

    /// <summary>An id for a new group of ranks.</summary>
    /// <exception cref="BackendException">The library of the device's collectives is missing.</exception>
    public static byte[] NewId(Device device)
    {
        byte[] id = new byte[CommOptions.IdBytes];
        fixed (byte* pointer = id)
            device.Backend.Check(device.Api->CommId(device.Handle, pointer));
        return id;
    }

    /// <summary>Makes the collectives that wait or follow fail, on all ranks of this process. From any thread.</summary>
    public void Abort(string reason)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(reason + '\0'))
            Device.Api->CommAbort(handle, text);
    }

    protected override void Free() => Device.Api->CommDestroy(handle);
}

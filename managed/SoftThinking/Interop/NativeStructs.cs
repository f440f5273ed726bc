using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

// Mirrors of native/include/softthinking/backend.h, which documents every field.

internal enum NativeStatus
{
    Ok = 0,
    InvalidArgument = 1,
    OutOfMemory = 2,
    Unsupported = 3,
    Internal = 4,
}

internal enum NativeDtype
{
    F32 = 0,
    F16 = 1,
    Bf16 = 2,
    Int8 = 3,
    Fp8 = 4,
}

[Flags]
internal enum StepFlags
{
    Soft = 1,
    ColdStop = 2,
    Budget = 4,
    Forced = 8,
    ThinkingEnded = 16,
    Finished = 32,
    BadLogits = 64,
    Thinking = 128,
    Mixed = 256,
    Cusum = 512,
    Eat = 1024,
    Deer = 2048,
    LowConfidence = 4096,
    AnswerSpent = 8192,
    ToHard = 16384,
    ToSoft = 32768,
    AwaitsEat = 65536,
    AwaitsDeer = 131072,
    Waiting = 262144,
}

[StructLayout(LayoutKind.Sequential)]
internal struct DeviceOptions
{
    public uint Size;
    public int Ordinal;
    public int Threads;
    public int Activations;
    public int FastProducts;
    public int BlockingWaits;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DeviceInfo
{
    public const int ProductsBytes = 88;

    public uint Size;
    public NativeDtype ActivationDtype;
    public int Threads;
    private readonly int _graphs;
    public ulong TotalMemory;
    public ulong FreeMemory;
    public fixed byte Name[64];
    public fixed byte InstructionSet[32];
    private readonly int _fastProducts;
    private readonly int _ownMemory;
    public fixed byte Products[ProductsBytes];

    /// <summary>Whether the device supports graphs.</summary>
    public readonly bool Graphs => _graphs != 0;

    /// <summary>Whether <see cref="LinearOperation.Fast"/> has an effect.</summary>
    public readonly bool FastProducts => _fastProducts != 0;

    /// <summary>Whether the device has memory of its own, not shared with the host.</summary>
    public readonly bool OwnMemory => _ownMemory != 0;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DeviceRates
{
    public uint Size;
    public int BandwidthNow;
    public double ReadBandwidth;
    public double MultiplyAddsF32;
    public double MultiplyAddsBf16;
    public double MultiplyAddsInt8;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Matrix
{
    public nint Data;
    public int Rows;
    public int Cols;
    public NativeDtype Dtype;
    public int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PackOperation
{
    public uint Size;
    public int FirstRow;
    public int RowStep;
    public int Count;
    public NativeDtype SourceDtype;
    public int SourceCols;
    public int FirstCol;
    public int Reserved;
    public Matrix W;
    public nint Source;
    public nint Scales;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Batch
{
    public int Rows;
    public int Sequences;
    public int BlocksPerSequence;
    public int Tables;
    public nint Positions;
    public nint FirstRow;
    public nint BlockTables;
    public nint TableOf;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TableEntry
{
    public long Place;
    public int Block;
    public int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SetBlocksOperation
{
    public uint Size;
    public int Count;
    public nint Entries;
    public nint Tables;
    public long Places;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LayerCache
{
    public nint Keys;
    public nint Values;
    public int Blocks;
    public NativeDtype Dtype;
}

[StructLayout(LayoutKind.Sequential)]
internal struct EmbedOperation
{
    public uint Size;
    public int Rows;
    public int Entries;
    public int Tokens;
    public int Vocabulary;
    public int FirstId;
    public int OutF32;
    public int Reserved;
    public Matrix Table;
    public nint Ids;
    public nint Weights;
    public nint Index;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LoadRowsOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public NativeDtype SourceDtype;
    public nint Source;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RmsNormOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public float Epsilon;
    public nint Delta;
    public nint Residual;
    public nint Weight;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NormalizeOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public float Epsilon;
    public int XStride;
    public int OutStride;
    public int Add;
    public int Reserved;
    public nint X;
    public nint Weight;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LinearOperation
{
    public uint Size;
    public int Rows;
    public nint X;
    public Matrix W;
    public nint Bias;
    public nint Out;
    public int OutF32;
    public int Exact;
    public int Fast;
    public int Gated;
    public int TotalCols;
    public int FirstCol;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RouteOperation
{
    public uint Size;
    public int Rows;
    public int Experts;
    public int PerRow;
    public int FirstExpert;
    public int Held;
    public int Normalize;
    public int Reserved;
    public nint Logits;
    public nint Positions;
    public nint Ids;
    public nint Weights;
    public nint Places;
    public nint RowOf;
    public nint GroupExperts;
    public nint GroupPlaces;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ExpertLinearOperation
{
    public uint Size;
    public int Places;
    public int Experts;
    public int Held;
    public nint X;
    public Matrix W;
    public nint Out;
    public nint GroupExperts;
    public nint GroupPlaces;
    public int Exact;
    public int Gated;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CombineOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public int Experts;
    public int PerRow;
    public int OutF32;
    public nint Y;
    public nint Ids;
    public nint Weights;
    public nint Places;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RopeAnglesOperation
{
    public uint Size;
    public int Rows;
    public int Half;
    public int Reserved;
    public double Magnitude;
    public nint Positions;
    public nint InverseFrequencies;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct QkvEpilogueOperation
{
    public uint Size;
    public int Heads;
    public int KvHeads;
    public int HeadDim;
    public float Epsilon;
    public int Rotated;
    public nint QNorm;
    public nint KNorm;
    public nint Angles;
    public nint Qkv;
    public Batch Batch;
    public LayerCache Cache;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionOperation
{
    public uint Size;
    public int Heads;
    public int KvHeads;
    public int HeadDim;
    public float Scale;
    public int Window;
    public nint Qkv;
    public nint Out;
    public Batch Batch;
    public LayerCache Cache;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GatherRowsOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public int Reserved;
    public nint Index;
    public nint In;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Penalties
{
    public float Repetition;
    public float Frequency;
    public float Presence;
    public int BiasCount;
    public int HeldCount;
    public uint MinTokens;
    public nint BiasIds;
    public nint BiasValues;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PenalizeOperation
{
    public uint Size;
    public int Rows;
    public int Vocabulary;
    public int Reserved;
    public nint Logits;
    public nint Slots;
    public nint Penalties;
    public nint Counts;
    public nint States;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Filter
{
    public float Temperature;
    public float TopP;
    public float MinP;
    public int TopK;
}

[InlineArray(SlotSampling.MaxMarker)]
internal struct MarkerIds
{
    private int _first;
}

[InlineArray(SlotSampling.MaxForced)]
internal struct ForcedIds
{
    private int _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotSampling
{
    /// <summary>ST_MAX_FORCED.</summary>
    public const int MaxForced = 240;

    /// <summary>ST_MAX_MARKER.</summary>
    public const int MaxMarker = 16;

    /// <summary>ST_MAY_END.</summary>
    public const int MayEnd = 0x40000000;

    public Filter Thinking;
    public Filter After;
    public ulong Seed;
    public int Soft;
    public int Strategy;
    public int MaxTopk;
    public int Record;
    public float EntropyThreshold;
    public int LengthThreshold;
    public int ColdStopAfterThinking;
    public int MaxThinkingTokens;
    public float DirichletAlpha;
    public float GumbelTemperature;
    public float RouterThreshold;
    public SlotNoise Noise;
    public SlotMixture Mixture;
    public SlotMultiplex Multiplex;
    public SlotSwireasoning Swireasoning;
    public SlotCusum Cusum;
    public SlotDeepconf Deepconf;
    public SlotEat Eat;
    public SlotDeer Deer;
    public ForcedQueue End;
    public ForcedQueue Converge;
    public ForcedQueue Conclude;
    public ForcedQueue DeerExit;
    public int ThinkStartCount;
    public int ThinkEndCount;
    public MarkerIds ThinkStart;
    public MarkerIds ThinkEnd;
    public ForcedIds Forced;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SequenceState
{
    public int Thinking;
    public int LowEntropySteps;
    public int ThinkingSteps;
    public int ForcedNext;
    public uint Step;
    public int Opening;
    public int Ending;
    public int ForcedEnd;
    public int Token;
    public int Mode;
    public int Stay;
    public int Switches;
    public int AnswerLeft;
    public float HRef;
    public float Cusum;
    public int CusumCount;
    public double CusumSum;
    public double ConfidenceSum;
    public float EatMean;
    public float EatVariance;
    public int EatProbes;
    public int EatStop;
    public int DeerProbes;
    public int DeerTokens;
    public int DeerEnding;
    public int Waiting;
    public double DeerSum;
}

[StructLayout(LayoutKind.Sequential)]
internal struct StepInfo
{
    public StepFlags Flags;
    public float Entropy;
    public int Token;
    public int Count;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SampleOperation
{
    public uint Size;
    public int Rows;
    public int Vocabulary;
    public int Entries;
    public nint Logits;
    public nint Slots;
    public nint Sampling;
    public nint States;
    public nint Counts;
    public nint SlotIds;
    public nint SlotWeights;
    public nint OutIds;
    public nint OutWeights;
    public nint OutInfo;
    public nint OutRecord;
    public nint OutScores;
    public nint OutLogP1;
    public nint OutLogPt;
    public nint Workspace;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LogProbsOperation
{
    /// <summary>ST_MAX_LOG_PROBS.</summary>
    public const int MaxCount = 20;

    public uint Size;
    public int Rows;
    public int Vocabulary;
    public int Count;
    public nint Logits;
    public nint Slots;
    public nint Info;
    public nint Head;
    public nint TopIds;
    public nint Top;
    public nint Workspace;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Transport
{
    public nint Context;
    public nint AllGather;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CommOptions
{
    public const int IdBytes = 128; // ST_COMM_ID_BYTES

    public uint Size;
    public int Rank;
    public int Ranks;
    public uint TimeoutMs;
    public nint Transport;
    public fixed byte Id[IdBytes];
}

[StructLayout(LayoutKind.Sequential)]
internal struct AllGatherOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public int Reserved;
    public nint Comm;
    public nint In;
    public nint Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AllSumOperation
{
    public uint Size;
    public int Rows;
    public int Cols;
    public int Reserved;
    public nint Comm;
    public nint In;
    public nint Bias;
    public nint Out;
}

using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

// Mirrors of what native/include/softthinking/backend.h has for thinking strategies, which documents every field.

[StructLayout(LayoutKind.Sequential)]
internal struct SlotNoise
{
    public float Scale;
    public float Low;
    public float High;
    public int OneSided;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotMixture
{
    public float Beta;
    public int Direct;
    public int After;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotMultiplex
{
    public int Uniform;
    public float MaskThreshold;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotSwireasoning
{
    public int Window;
    public float Alpha0;
    public float Beta0;
    public int MaxTokens;
    public int StartBlendId;
    public int MaxSwitchCount;
    public int FinalTokens;
    public int HardCount;
    public nint HardIds;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotCusum
{
    public float Mu;
    public int Warmup;
    public float Drift;
    public float Threshold;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotDeepconf
{
    public int Window;
    public float Bar;
    public int Eos;
    public int Reserved;
    public nint Values;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotEat
{
    public int On;
    public int Interval;
    public float Alpha;
    public float Delta;
    public int MinProbes;
    public int TriggerCount;
    public nint TriggerIds;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SlotDeer
{
    public int MaxProbes;
    public int Tokens;
    public float Threshold;
    public int Arithmetic;
    public int RequireEnd;
    public int TriggerCount;
    public nint TriggerIds;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ForcedQueue
{
    public int Begin;
    public int End;
}

[StructLayout(LayoutKind.Sequential)]
internal struct StepRecord
{
    public float Entropy;
    public float Entropy1;
    public float PMax;
    public float PMax1;
    public float Lse;
    public float Lse1;
    public float Confidence;
    public float EntropyTop20;
    public float EntropyKept;
    public float TokenLogP1;
    public float LogProb;
    public float ExitLogP1;
    public float ExitLogPt;
    public int Scored;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ProbeInfo
{
    public StepFlags Flags;
    public int Done;
    public int Token;
    public int Emitted;
    public float LogP1;
    public float Entropy1;
    public float Confidence;
    public int Stop;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ProbeOperation
{
    public uint Size;
    public int Rows;
    public int Vocabulary;
    public int Entries;
    public nint Logits;
    public nint Slots;
    public nint Kinds;
    public nint Sampling;
    public nint States;
    public nint Counts;
    public nint SlotIds;
    public nint SlotWeights;
    public nint ProbeIds;
    public nint ProbeWeights;
    public nint OutInfo;
    public nint Workspace;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ScoreOperation
{
    public uint Size;
    public int Rows;
    public int Vocabulary;
    public int Count;
    public nint Logits;
    public nint Temperatures;
    public nint Counts;
    public nint Ids;
    public nint LogP1;
    public nint LogPt;
    public nint Workspace;
}

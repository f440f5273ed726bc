using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

/// <summary>The structs of the host against those of the headers, as the C compiler lays them out: names, order, offsets and
/// sizes of all fields, of structs that stand in device arrays, too.</summary>
public class NativeLayoutTests
{
    private static readonly Dictionary<string, Type> Mirrors = new()
    {
        ["st_all_gather"] = typeof(AllGatherOperation),
        ["st_all_sum"] = typeof(AllSumOperation),
        ["st_api"] = typeof(NativeApi),
        ["st_attention"] = typeof(AttentionOperation),
        ["st_batch"] = typeof(Batch),
        ["st_comm_options"] = typeof(CommOptions),
        ["st_cusum"] = typeof(SlotCusum),
        ["st_deepconf"] = typeof(SlotDeepconf),
        ["st_deer"] = typeof(SlotDeer),
        ["st_device_info"] = typeof(DeviceInfo),
        ["st_device_options"] = typeof(DeviceOptions),
        ["st_eat"] = typeof(SlotEat),
        ["st_embed"] = typeof(EmbedOperation),
        ["st_combine"] = typeof(CombineOperation),
        ["st_expert_linear"] = typeof(ExpertLinearOperation),
        ["st_route"] = typeof(RouteOperation),
        ["st_filter"] = typeof(Filter),
        ["st_table_entry"] = typeof(TableEntry),
        ["st_set_blocks"] = typeof(SetBlocksOperation),
        ["st_gather_rows"] = typeof(GatherRowsOperation),
        ["st_kv_cache"] = typeof(LayerCache),
        ["st_linear"] = typeof(LinearOperation),
        ["st_load_rows"] = typeof(LoadRowsOperation),
        ["st_log_probs"] = typeof(LogProbsOperation),
        ["st_matrix"] = typeof(Matrix),
        ["st_mixture"] = typeof(SlotMixture),
        ["st_mpi_api"] = typeof(MpiApi),
        ["st_mpi_info"] = typeof(MpiInfo),
        ["st_multiplex"] = typeof(SlotMultiplex),
        ["st_noise"] = typeof(SlotNoise),
        ["st_pack"] = typeof(PackOperation),
        ["st_penalize"] = typeof(PenalizeOperation),
        ["st_penalties"] = typeof(Penalties),
        ["st_probe"] = typeof(ProbeOperation),
        ["st_probe_info"] = typeof(ProbeInfo),
        ["st_qkv_epilogue"] = typeof(QkvEpilogueOperation),
        ["st_queue"] = typeof(ForcedQueue),
        ["st_rates"] = typeof(DeviceRates),
        ["st_rms_norm"] = typeof(RmsNormOperation),
        ["st_normalize"] = typeof(NormalizeOperation),
        ["st_rope_angles"] = typeof(RopeAnglesOperation),
        ["st_sample"] = typeof(SampleOperation),
        ["st_sampling"] = typeof(SlotSampling),
        ["st_score"] = typeof(ScoreOperation),
        ["st_sequence_state"] = typeof(SequenceState),
        ["st_step_info"] = typeof(StepInfo),
        ["st_step_record"] = typeof(StepRecord),
        ["st_swireasoning"] = typeof(SlotSwireasoning),
        ["st_transport"] = typeof(Transport),
    };

    private static readonly Lazy<string[][]> Printed = new(() =>
    {
        string program = Path.Combine(TestData.RepositoryRoot, "build", TestData.Configuration, "bin", "abi_layout");
        Tool.Result result = Tool.Run([OperatingSystem.IsWindows() ? program + ".exe" : program]);
        Assert.That(result.ExitCode, Is.Zero, result.Output);
        return [.. result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim().Split(' '))];
    });

    [Test]
    public void EveryStructHasAMirror()
    {
        Assert.That(Lines("struct").Select(line => line[1]), Is.EquivalentTo(Mirrors.Keys));
        IEnumerable<Type> structs = typeof(NativeApi).Assembly.GetTypes().Where(type =>
            type is { IsValueType: true, IsLayoutSequential: true, IsEnum: false, Namespace: "SoftThinking.Interop", IsNested: false }
            && type.GetCustomAttribute<InlineArrayAttribute>() == null
            && type.GetInterfaces().Length == 0 // the host's own values are records
            && type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Length > 0);
        Assert.That(structs, Is.SubsetOf(Mirrors.Values), "a struct that is passed to a backend mirrors one of the header");
    }

    [TestCaseSource(nameof(Mirrors))]
    public void FieldsOfTheMirrorAreThoseOfTheHeader(KeyValuePair<string, Type> mirror)
    {
        (string name, Type type) = mirror;
        string[] expected = [.. Lines("field").Where(line => line[1] == name).Select(line => $"{line[3]} +{line[4]} {PascalCase(line[2])}")];

        Assert.That(FieldsOf(type), Is.EqualTo(expected));
        Assert.That(SizeOf(type), Is.EqualTo(Number(Lines("struct").Single(line => line[1] == name)[2])));
    }

    /// <summary>Padding that a compiler chooses is part of no contract; that there is none shows, too, that the list of
    /// fields is complete.</summary>
    [TestCaseSource(nameof(Mirrors))]
    public void HeaderLeavesNoPadding(KeyValuePair<string, Type> mirror)
    {
        long end = 0;
        foreach (string[] line in Lines("field").Where(line => line[1] == mirror.Key))
        {
            Assert.That(Number(line[3]), Is.EqualTo(end), $"offset of {mirror.Key}.{line[2]}");
            end += Number(line[4]);
        }
        Assert.That(Number(Lines("struct").Single(line => line[1] == mirror.Key)[2]), Is.EqualTo(end));
    }

    [TestCase(typeof(NativeStatus), "ST_")]
    [TestCase(typeof(NativeDtype), "ST_")]
    [TestCase(typeof(StepFlags), "ST_STEP_")]
    public void EnumeratorsHaveTheirValues(Type type, string prefix)
    {
        foreach (object value in Enum.GetValues(type))
        {
            string name = prefix + Regex.Replace(value.ToString()!, "(?<=.)[A-Z]", "_$0").ToUpperInvariant();
            Assert.That(Convert.ToInt64(value, CultureInfo.InvariantCulture), Is.EqualTo(Constant(name)), name);
        }
    }

    [Test]
    public void EveryFlagOfAStepIsKnown() =>
        Assert.That(Lines("constant").Count(line => line[1].StartsWith("ST_STEP_", StringComparison.Ordinal)),
            Is.EqualTo(Enum.GetValues<StepFlags>().Length));

    [TestCase("ST_ABI_VERSION", NativeApi.AbiVersion)]
    [TestCase("ST_COMM_ID_BYTES", CommOptions.IdBytes)]
    [TestCase("ST_BLOCK_POSITIONS", KvCache.BlockPositions)]
    [TestCase("ST_MAX_FORCED", SlotSampling.MaxForced)]
    [TestCase("ST_MAY_END", SlotSampling.MayEnd)]
    [TestCase("ST_MAX_LOG_PROBS", LogProbsOperation.MaxCount)]
    [TestCase("ST_MPI_VERSION", MpiApi.AbiVersion)]
    public void ConstantHasItsValue(string name, long value) => Assert.That(value, Is.EqualTo(Constant(name)));

    /// <summary>Each field as "offset +size Name", in order. Numbered fields that mirror an array count as one.</summary>
    private static List<string> FieldsOf(Type type)
    {
        List<(int Offset, int Size, string Name)> fields = [];
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .OrderBy(OffsetOf))
        {
            string name = PascalCase(Regex.Replace(field.Name, "(?<=^Reserved)[0-9]+$", ""));
            (int offset, int size) = (OffsetOf(field), SizeOf(field.FieldType));
            if (fields.Count > 0 && fields[^1].Name == name && fields[^1].Offset + fields[^1].Size == offset)
                fields[^1] = fields[^1] with { Size = fields[^1].Size + size };
            else
                fields.Add((offset, size, name));
        }
        return [.. fields.Select(field => $"{field.Offset} +{field.Size} {field.Name}")];
    }

    /// <summary>Where this runtime puts a field: Marshal knows the layout of marshaled copies only.</summary>
    private static int OffsetOf(FieldInfo field)
    {
        DynamicMethod method = new("OffsetOf", typeof(nint), [typeof(nint)], field.DeclaringType!.Module, skipVisibility: true);
        ILGenerator code = method.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Ldflda, field);
        code.Emit(OpCodes.Conv_I);
        code.Emit(OpCodes.Ret);
        // The runtime may touch the struct to see that the pointer is not null.
        nint memory = Marshal.AllocHGlobal(SizeOf(field.DeclaringType));
        try
        {
            return (int)(method.CreateDelegate<Func<nint, nint>>()(memory) - memory);
        }
        finally
        {
            Marshal.FreeHGlobal(memory);
        }
    }

    private static int SizeOf(Type type) => type.IsFunctionPointer || type.IsPointer
        ? nint.Size
        : (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static string PascalCase(string name) => string.Concat(
        name.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static IEnumerable<string[]> Lines(string kind) => Printed.Value.Where(line => line[0] == kind);

    private static long Constant(string name) => Number(Lines("constant").Single(line => line[1] == name)[2]);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}

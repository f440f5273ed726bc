using System.Runtime.InteropServices;
using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

internal sealed class SafetensorsFileTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_written_file_reads_back()
    {
        byte[] bytes = new SafetensorsWriter()
            .Metadata("format", "pt")
            .Add("b", [2, 3], 1f, 2f, 3f, 4f, 5f, 6f)
            .Add("a", [2], (Half)1.5, (Half)(-2))
            .Add("empty", [3, 0], Array.Empty<float>())
            .Add("scalar", [], 7f)
            .ToBytes();
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("x.safetensors", bytes));

        Assert.That(file.Tensors.Keys, Is.EquivalentTo(["b", "a", "empty", "scalar"]));
        Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
        Assert.That(MemoryMarshal.Cast<byte, float>(file.Bytes("b")).ToArray(), Is.EqualTo([1f, 2, 3, 4, 5, 6]));
        Assert.That(MemoryMarshal.Cast<byte, Half>(file.Bytes("a")).ToArray(), Is.EqualTo([(Half)1.5, (Half)(-2)]));
        Assert.That(file.Bytes("empty").Length, Is.Zero);
        Assert.That(file.Tensors["b"].Shape, Is.EqualTo([2L, 3]));
        Assert.That(file.Tensors["b"].Dtype, Is.EqualTo(TensorDtype.F32));
        Assert.That(file.Tensors["scalar"].Shape, Is.Empty);
        Assert.That(file.Pointer("a") - file.Pointer("b"), Is.EqualTo((nint)24));
    }

    [Test]
    public void Forgotten_bytes_are_read_again()
    {
        byte[] values = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7 + i / 256))];
        byte[] bytes = new SafetensorsWriter().Add("a", "U8", [5], [1, 2, 3, 4, 5]).Add("b", "U8", [values.Length], values).ToBytes();
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("x.safetensors", bytes));
        Assert.That(file.Bytes("b").SequenceEqual(values));
        file.Forget(file.Pointer("b") + 4321, 50_000);
        file.Forget(file.Pointer("a"), 5);

        Assert.That(file.Bytes("b").SequenceEqual(values));
        Assert.That(file.Bytes("a").ToArray(), Is.EqualTo(new byte[] { 1, 2, 3, 4, 5 }));
        file.Dispose();
        Assert.That(() => file.Forget(0, 10_000), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Every_format_of_the_specification_is_known()
    {
        (string Name, int Bits)[] formats =
        [
            ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8),
            ("F8_E4M3", 8), ("F8_E8M0", 8), ("F8_E5M2FNUZ", 8), ("F8_E4M3FNUZ", 8), ("I16", 16), ("U16", 16),
            ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64),
            ("U64", 64),
        ];
        Assert.That(formats, Has.Length.EqualTo(Enum.GetValues<TensorDtype>().Length));
        foreach ((string name, int bits) in formats)
        {
            byte[] bytes = new SafetensorsWriter().Add("t", name, [4, 2], new byte[bits]).ToBytes();
            using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("x.safetensors", bytes));
            Assert.That(file.Tensors["t"].Dtype.FileName(), Is.EqualTo(name));
            Assert.That(file.Tensors["t"].Dtype.ToString(), Is.EqualTo(name.Replace("_", "")).IgnoreCase);
            Assert.That(file.Tensors["t"].Length, Is.EqualTo(bits));
        }
    }

    [Test]
    public void Golden_files_open([Values("expected", "rollout", "model")] string name)
    {
        foreach (string folder in Directory.GetDirectories(TestData.FindGolden("forward")!))
        {
            using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, name + ".safetensors"));
            Assert.That(file.Tensors, Is.Not.Empty);
            Assert.That(file.Metadata, Is.Not.Empty);
        }
    }

    /// <summary>Header, bytes of data after it, and what the message must say besides the file.</summary>
    private static IEnumerable<TestCaseData> HostileHeaders()
    {
        static string One(string dtype, string shape, object begin, object end) =>
            "{" + SafetensorsWriter.Entry("w", dtype, shape, begin, end) + "}";
        static string Two(int begin, int end, int begin2, int end2) =>
            "{" + SafetensorsWriter.Entry("w", "U8", $"{end - begin}", begin, end) + ","
            + SafetensorsWriter.Entry("v", "U8", $"{end2 - begin2}", begin2, end2) + "}";
        (string Name, string Header, int Data, string[] Expected)[] cases =
        [
            ("no header", "", 0, ["'{'"]),
            ("not an object", "[]", 0, ["'{'"]),
            ("leading blank", " {}", 0, ["'{'"]),
            ("cut JSON", "{\"w\":", 0, ["broken"]),
            ("two values", "{}{}", 0, ["broken"]),
            ("deep nesting", "{\"w\":" + new string('[', 100_000), 0, ["broken"]),
            ("half a surrogate pair in a name", "{\"\\ud800\":1}", 0, ["broken"]),
            ("half a surrogate pair in a dtype", One("\\ud800", "1", 0, 1), 1, ["broken"]),
            ("half a surrogate pair in metadata", "{\"__metadata__\":{\"\\udfff\":\"\"}}", 0, ["broken"]),
            ("same name twice",
                One("U8", "1", 0, 1).Replace("}}", "},") + One("U8", "1", 1, 2)[1..], 2,
                ["w", "uplicate"]),
            ("same name twice, once escaped",
                One("U8", "1", 0, 1).Replace("}}", "},") + One("U8", "1", 1, 2)[1..].Replace("\"w\"", "\"\\u0077\""), 2,
                ["w", "uplicate"]),
            ("dtype twice", "{\"w\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
                ["dtype", "uplicate"]),
            ("entry is a number", "{\"w\":3}", 0, ["'w'", "object"]),
            ("metadata is a list", "{\"__metadata__\":[]}", 0, ["__metadata__"]),
            ("metadata holds a number", "{\"__metadata__\":{\"k\":1}}", 0, ["'k'", "string"]),
            ("unknown dtype", One("F37", "1", 0, 4), 4, ["'w'", "'F37'"]),
            ("dtype of lower case", One("f32", "1", 0, 4), 4, ["'w'", "'f32'"]),
            ("dtype missing", "{\"w\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, ["'w'", "dtype"]),
            ("dtype a number", "{\"w\":{\"dtype\":0,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, ["'w'", "dtype"]),
            ("shape missing", "{\"w\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, ["'w'", "shape"]),
            ("shape an object", "{\"w\":{\"dtype\":\"U8\",\"shape\":{},\"data_offsets\":[0,1]}}", 1, ["'w'", "shape"]),
            ("negative dimension", One("U8", "-1,-4", 0, 4), 4, ["'w'", "shape", "-1"]),
            ("fractional dimension", One("U8", "1.5", 0, 1), 1, ["'w'", "shape", "1.5"]),
            ("string dimension", One("U8", "\"1\"", 0, 1), 1, ["'w'", "shape"]),
            ("dimension beyond 64 bits", One("U8", "18446744073709551617", 0, 1), 1, ["'w'", "shape"]),
            ("product wraps to the right size", One("U8", "4294967296,4294967296,1", 0, 0), 0, ["'w'", "too large"]),
            ("product wraps before a zero", One("F32", "9223372036854775807,2,0", 0, 0), 0, ["'w'", "too large"]),
            ("part of a byte", One("F4", "3", 0, 1), 1, ["'w'", "whole number of bytes"]),
            ("offsets missing", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, ["'w'", "data_offsets"]),
            ("one offset", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1]}}", 1, ["'w'", "data_offsets"]),
            ("three offsets", "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
                ["'w'", "data_offsets"]),
            ("offsets backwards", One("U8", "1", 1, 0), 1, ["'w'", "[1, 0]"]),
            ("negative offset", One("U8", "1", -1, 0), 1, ["'w'", "-1"]),
            ("beyond the end", One("U8", "5", 0, 5), 4, ["'w'", "beyond the 4 bytes"]),
            ("far beyond the end", One("U8", "1", long.MaxValue - 1, long.MaxValue), 4, ["'w'", "beyond"]),
            ("shorter than the shape", One("F32", "2", 0, 4), 4, ["'w'", "takes 8 bytes", "hold 4"]),
            ("longer than the shape", One("BF16", "2", 0, 8), 8, ["'w'", "takes 4 bytes", "hold 8"]),
            ("overlap", Two(0, 4, 2, 6), 6, ["'v'", "overlap", "'w'"]),
            ("same bytes twice", Two(0, 4, 0, 4), 4, ["overlap", "'v'", "'w'"]),
            ("empty tensor inside another", Two(0, 4, 2, 2), 4, ["'v'", "overlap"]),
            ("hole at the start", One("U8", "2", 2, 4), 4, ["'w'", "2 bytes before"]),
            ("hole between", Two(0, 2, 3, 4), 4, ["'v'", "1 bytes before"]),
            ("hole at the end", One("U8", "2", 0, 2), 4, ["last 2 bytes"]),
            ("data without tensor", "{}", 1, ["last 1 bytes"]),
        ];
        foreach ((string name, string header, int data, string[] expected) in cases)
            yield return new TestCaseData(header, data, expected).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(HostileHeaders))]
    public void A_hostile_header_is_refused(string header, int data, string[] expected) =>
        AssertRefused(SafetensorsWriter.Compose(header, new byte[data]), expected);

    [Test]
    public void Broken_utf8_is_refused() => AssertRefused(
        SafetensorsWriter.Compose([.. "{\""u8, 0xff, .. "\":1}"u8], []), ["broken"]);

    [TestCase(0, "too few")]
    [TestCase(7, "too few")]
    [TestCase(8, "cut short")]
    [TestCase(40, "cut short")]
    [TestCase(-1, "beyond the")]
    public void A_truncated_file_is_refused(int length, string expected)
    {
        byte[] whole = new SafetensorsWriter().Add("w", [2], 1f, 2f).ToBytes();
        AssertRefused(whole[..(length < 0 ? whole.Length + length : length)], [expected]);
    }

    [TestCase(100_000_001UL, "more than the 100000000 allowed")]
    [TestCase(ulong.MaxValue, "more than the 100000000 allowed")]
    [TestCase((ulong)long.MaxValue + 1, "more than the 100000000 allowed")]
    [TestCase(99_999_999UL, "cut short")]
    public void An_absurd_header_length_is_refused(ulong length, string expected) =>
        AssertRefused([.. BitConverter.GetBytes(length), .. "{}"u8], [expected]);

    [Test]
    public void A_missing_file_and_a_folder_are_refused()
    {
        string missing = _folder.File("missing.safetensors");
        Assert.That(Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(missing)).Message,
            Is.EqualTo($"{missing}: the file does not exist"));
        string inside = Path.Combine(missing, "x.safetensors");
        Assert.That(Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(inside)).Message,
            Does.Contain("does not exist"));
        Assert.That(Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(_folder.Path)).Message,
            Does.Contain("cannot be read"));
    }

    [Test]
    public void A_refused_file_is_not_held_open()
    {
        string path = _folder.Write("x.safetensors", SafetensorsWriter.Compose("{}", new byte[1]));
        Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(path));
        using FileStream exclusive = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.That(exclusive.Length, Is.EqualTo(11));
    }

    [Test]
    public void A_message_holds_no_control_characters_of_the_file()
    {
        string header = "{" + SafetensorsWriter.Entry("\\u001b[2J\\n", "F37", "1", 0, 1) + "}";
        string path = _folder.Write("x.safetensors", SafetensorsWriter.Compose(header, new byte[1]));
        string message = Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(path)).Message;
        Assert.That(message.Any(char.IsControl), Is.False, message);
        Assert.That(message, Does.Contain("[2J"));
    }

    [Test]
    public void Unknown_names_and_closed_files_throw()
    {
        string path = _folder.Write("x.safetensors", new SafetensorsWriter().Add("w", [1], 1f).ToBytes());
        SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Throws<KeyNotFoundException>(() => file.Pointer("absent"));
        Assert.Throws<KeyNotFoundException>(() => file.Bytes("absent"));
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Pointer("w"));
        Assert.Throws<ObjectDisposedException>(() => file.Bytes("w"));
    }

    [Test]
    public unsafe void A_tensor_above_2_GiB_is_reached_by_pointer()
    {
        const long Length = 3L << 30;
        string path = _folder.File("large.safetensors");
        byte[] header = SafetensorsWriter.Compose(
            "{" + SafetensorsWriter.Entry("w", "F32", "3,268435456", 0, Length) + "}", []);
        using (FileStream stream = File.Create(path))
        {
            stream.Write(header);
            try
            {
                // The file system keeps the zeros as a hole, so that this costs no space.
                stream.SetLength(header.Length + Length);
            }
            catch (IOException e)
            {
                Assert.Ignore($"no room for a sparse file: {e.Message}");
            }
            stream.Position = stream.Length - sizeof(float);
            stream.Write(BitConverter.GetBytes(42f));
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.That(file.Tensors["w"].Length, Is.EqualTo(Length));
        Assert.That(((float*)file.Pointer("w"))[Length / sizeof(float) - 1], Is.EqualTo(42f));
        Assert.That(Assert.Throws<InvalidOperationException>(() => file.Bytes("w")).Message, Does.Contain("'w'"));
    }

    private void AssertRefused(byte[] bytes, string[] expected)
    {
        string path = _folder.Write("hostile.safetensors", bytes);
        ModelFileException e = Assert.Throws<ModelFileException>(() => SafetensorsFile.Open(path).Dispose())!;
        Assert.That(e.File, Is.EqualTo(path));
        Assert.That(e.Message, Does.StartWith(path + ": "));
        foreach (string part in expected)
            Assert.That(e.Message, Does.Contain(part));
    }
}

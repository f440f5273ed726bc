using NUnit.Framework;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking.Tests.Execution;

/// <summary>What one rank sends the others to launch a step arrives as it was.</summary>
public class StepMessageTests
{
    [Test]
    public void AStepArrivesAsItWas()
    {
        RunnerLimits limits = new(Rows: 9, Slots: 4, Entries: 3, BlocksPerSequence: 5, Groups: 1);
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        using Step sent = new(device, limits, times: false), received = new(device, limits, times: false);
        StepShape shape = new(Rows: 7, Sequences: 2, Uploaded: 6, Sampled: 2, Probes: 1, Penalizes: true, ReportsLogProbs: false, Records: false) { Scored = 3, TableEntries = 2 };
        StepLaunch launch = new(shape, Graph: true, Fast: false);
        Random random = new(1);
        for (int part = 0; part < HostInputs.Parts; part++)
            random.NextBytes(sent.Inputs.Used(part, shape, limits.Entries));
        SlotUpdate begins = new(2, new SlotSampling { Seed = 7, MaxTopk = 3 }, new SlotStart(
            new SequenceState { Thinking = 1, ForcedNext = -1 }, true, new Penalties { Repetition = 1.5f, BiasCount = 1, HeldCount = 1 },
            new LogitBias([5, 6], [0.5f]), new SlotLists([7], [8, 9], [10, 11, 12]), [1, 2, 3]));
        SlotUpdate changes = new(1, new SlotSampling { Seed = 8 }, null);

        List<SlotUpdate> updates = [];
        byte[] message = StepMessage.Write(launch, [begins, changes], sent.Inputs, limits.Entries);
        Assert.That(StepMessage.Read(message, updates, received.Inputs, limits.Entries), Is.EqualTo(launch));
        Assert.That(updates, Has.Count.EqualTo(2));
        Assert.Multiple(() =>
        {
            Assert.That((updates[0].Slot, updates[0].Sampling.Seed, updates[0].Sampling.MaxTopk), Is.EqualTo((2, 7UL, 3)));
            SlotStart start = updates[0].Start!.Value;
            Assert.That((start.Penalizes, start.State.Thinking, start.State.ForcedNext, start.Penalties.Repetition), Is.EqualTo((true, 1, -1, 1.5f)));
            Assert.That(start.Bias.Ids, Is.EqualTo(new[] { 5, 6 }));
            Assert.That(start.Bias.Values, Is.EqualTo(new[] { 0.5f }));
            Assert.That((start.Lists.Hard, start.Lists.Eat, start.Lists.Deer), Is.EqualTo((new[] { 7 }, new[] { 8, 9 }, new[] { 10, 11, 12 })));
            Assert.That(start.Prompt, Is.EqualTo(new[] { 1, 2, 3 }));
            Assert.That((updates[1].Slot, updates[1].Sampling.Seed, updates[1].Start), Is.EqualTo((1, 8UL, (SlotStart?)null)));
            for (int part = 0; part < HostInputs.Parts; part++)
            {
                Assert.That(received.Inputs.Used(part, shape, limits.Entries).SequenceEqual(sent.Inputs.Used(part, shape, limits.Entries)),
                    Is.True, $"array {part}");
            }
        });
    }

    /// <summary>Ranks of another build could send anything: an error, and nothing outside the arrays is written.</summary>
    [Test]
    public void AMessageThatIsTooShortIsAnError([Values(0, 1, 40, 100)] int bytes)
    {
        RunnerLimits limits = new(Rows: 9, Slots: 4, Entries: 3, BlocksPerSequence: 5, Groups: 1);
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        using Step step = new(device, limits, times: false);
        StepShape shape = new(Rows: 7, Sequences: 2, Uploaded: 6, Sampled: 2, Probes: 1, Penalizes: false, ReportsLogProbs: false, Records: false);
        byte[] message = StepMessage.Write(new(shape, false, false), [], step.Inputs, limits.Entries);
        Assert.That(() => StepMessage.Read(message.AsSpan(0, bytes), [], step.Inputs, limits.Entries), Throws.InstanceOf<ArgumentException>());
    }

    /// <summary>A shape beyond the limits is refused by the arrays.</summary>
    [Test]
    public void ALargerShapeIsAnError()
    {
        RunnerLimits limits = new(Rows: 9, Slots: 4, Entries: 3, BlocksPerSequence: 5, Groups: 1);
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        using Step step = new(device, limits, times: false);
        StepShape shape = new(Rows: 10, Sequences: 2, Uploaded: 6, Sampled: 2, Probes: 1, Penalizes: false, ReportsLogProbs: false, Records: false);
        Assert.That(() => step.Inputs.Used(0, shape, limits.Entries).Length, Throws.TypeOf<ArgumentOutOfRangeException>());
    }
}

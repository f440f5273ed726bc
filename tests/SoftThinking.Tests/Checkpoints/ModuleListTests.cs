using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Which modules an exclusion list covers.</summary>
internal sealed class ModuleListTests
{
    [TestCase("lm_head", "lm_head", true)]
    [TestCase("lm_head", "lm_head2", false)]
    [TestCase("lm_head", "model.lm_head", false)]
    [TestCase("lm", "lm_head", false)]
    [TestCase("LM_HEAD", "lm_head", false)]
    [TestCase("model.layers.0.mlp.gate", "model.layers.0.mlp.gate", true)]
    [TestCase("model.layers.0.mlp.gate", "model.layers.0.mlp.gate_proj", false)]
    [TestCase("model.layers.0.mlp.gate", "model.layers.0.mlp.gate.inner", true)]
    [TestCase("model.layers.0.mlp.gate", "model.layers.00.mlp.gate", false)]
    [TestCase("model.layers.1", "model.layers.1.self_attn.q_proj", true)]
    [TestCase("model.layers.1", "model.layers.10.self_attn.q_proj", false)]
    [TestCase("mlp.gate", "model.layers.0.mlp.gate", false)]
    [TestCase("model.layers.0.mlp.gate.weight", "model.layers.0.mlp.gate", false)]
    [TestCase("", "model", false)]
    public void WholeComponentsAreCompared(string entry, string module, bool covered) => Assert.That(new ModuleList([entry]).Contains(module), Is.EqualTo(covered));

    [TestCase("model.layers.*.mlp.gate", "model.layers.17.mlp.gate", true)]
    [TestCase("model.layers.*.mlp.gate", "model.layers.17.mlp.gate_proj", false)]
    [TestCase("model.layers.*.mlp.gate*", "model.layers.17.mlp.gate_proj", true)]
    [TestCase("model.*.gate", "model.layers.0.mlp.gate", false)]
    [TestCase("*.mlp.gate", "model.layers.0.mlp.gate", false)]
    [TestCase("model.layers.1*", "model.layers.10.mlp.up_proj", true)]
    [TestCase("model.layers.1*", "model.layers.21.mlp.up_proj", false)]
    [TestCase("*", "lm_head", true)]
    [TestCase("*", "model.layers.0.mlp.up_proj", true)]
    public void AStarIsOneComponentOrAPartOfOne(string entry, string module, bool covered) =>
        Assert.That(new ModuleList([entry]).Contains(module), Is.EqualTo(covered));

    [TestCase("re:.*mlp\\.gate$", "model.layers.3.mlp.gate", true)]
    [TestCase("re:.*mlp\\.gate$", "model.layers.3.mlp.gate_proj", false)]
    [TestCase("re:.*mlp.gate", "model.layers.3.mlp.gate_proj", true)]
    [TestCase("re:mlp.gate", "model.layers.3.mlp.gate", false)]
    [TestCase("re:model\\.layers\\.[0-3]\\.", "model.layers.3.self_attn.q_proj", true)]
    [TestCase("re:model\\.layers\\.[0-3]\\.", "model.layers.30.self_attn.q_proj", false)]
    [TestCase("re:visual.*|lm_head", "lm_head", true)]
    [TestCase("re:visual.*|lm_head", "model.lm_head", false)]
    [TestCase("re:(?i)LM_head", "lm_head", true)]
    [TestCase("re:LM_head", "lm_head", false)]
    [TestCase("re:", "lm_head", true)]
    [TestCase("re.lm_head", "lm_head", false)]
    public void AnExpressionMatchesFromTheStart(string entry, string module, bool covered) =>
        Assert.That(new ModuleList([entry]).Contains(module), Is.EqualTo(covered));

    [Test]
    public void OneEntryOfManySuffices()
    {
        ModuleList list = new(["re:vision.*", "lm_head", "model.layers.*.mlp.gate"]);
        Assert.That(((string[])["vision.x", "lm_head", "model.layers.5.mlp.gate"]).All(list.Contains), Is.True);
        Assert.That(list.Contains("model.layers.5.mlp.up_proj"), Is.False);
        Assert.That(new ModuleList([]).Contains("lm_head"), Is.False);
    }

    [TestCase("re:(")]
    [TestCase("re:[a")]
    [TestCase("re:(a)\\1", Description = "needs backtracking")]
    [TestCase("re:(?=a)", Description = "needs backtracking")]
    public void WhatIsNoExpressionIsRefused(string entry) => Assert.That(() => new ModuleList([entry]), Throws.InstanceOf<ArgumentException>());

    /// <summary>An expression that takes backtracking engines forever, and one whose automaton is huge.</summary>
    [TestCase("re:(a|a)*(a|aa)*b$")]
    [TestCase("re:((((a?){50}){50}){50})b")]
    [CancelAfter(20_000)]
    public void AHostileExpressionTakesNoTime(string entry)
    {
        try
        {
            Assert.That(new ModuleList([entry]).Contains(new string('a', 200)), Is.False);
        }
        catch (ArgumentException)
        {
            Assert.Pass("refused");
        }
    }
}

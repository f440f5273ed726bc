using NUnit.Framework;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Evaluation.Tests.Runs;

public class SettingSpecTests
{
    private static readonly SamplingOptions Options = new() { EarlyStoppingEntropyThreshold = 0.05f, MaxTopk = 7 };

    [TestCase("soft", true, 0.05f)]
    [TestCase("soft-no-cold-stop", true, 0)]
    [TestCase("cot", false, 0)]
    [TestCase("cot-cold-stop", false, 0.05f)]
    [TestCase("greedy", false, 0)]
    public void APreset_SetsWhatItsNameSays(string name, bool soft, float threshold)
    {
        EvaluationSetting setting = SettingSpec.Parse(name, Options);
        Assert.Multiple(() =>
        {
            Assert.That(setting.Name, Is.EqualTo(name));
            Assert.That(setting.Sampling.SoftThinking, Is.EqualTo(soft));
            Assert.That(setting.Sampling.EarlyStoppingEntropyThreshold, Is.EqualTo(threshold));
            Assert.That(setting.Sampling.AfterThinking.Temperature, Is.EqualTo(name == "greedy" ? 0 : Options.AfterThinking.Temperature));
            Assert.That(setting.Sampling.MaxTopk, Is.EqualTo(7), "other options stay");
        });
    }

    [Test]
    public void EveryPreset_IsFoundByItsName() =>
        Assert.That(EvaluationSetting.Presets.Select(preset => EvaluationSetting.Find(preset.Name, Options)?.Name), Is.EqualTo(EvaluationSetting.Presets.Select(preset => preset.Name)));

    [TestCase("soft")]
    [TestCase("cot-cold-stop")]
    public void AColdStopThatIsOff_IsSwitchedOnWithThePublishedThreshold(string name) => Assert.That(
        SettingSpec.Parse(name, Options with { EarlyStoppingEntropyThreshold = 0 }).Sampling.EarlyStoppingEntropyThreshold,
        Is.EqualTo(new SamplingOptions().EarlyStoppingEntropyThreshold).And.GreaterThan(0));

    [Test]
    public void Values_ChangeThePreset()
    {
        EvaluationSetting setting = SettingSpec.Parse("wide=soft:max_topk=20,temperature=0.8,think_end_str=</t:x>", Options);
        Assert.Multiple(() =>
        {
            Assert.That(setting.Name, Is.EqualTo("wide"));
            Assert.That(setting.Sampling.MaxTopk, Is.EqualTo(20));
            Assert.That(setting.Sampling.Thinking.Temperature, Is.EqualTo(0.8f));
            Assert.That(setting.Sampling.ThinkEnd, Is.EqualTo("</t:x>"));
            Assert.That(setting.Sampling.EarlyStoppingEntropyThreshold, Is.EqualTo(0.05f));
        });
    }

    [Test]
    public void ASettingWithoutAName_IsNamedByItsText() =>
        Assert.That(SettingSpec.Parse("soft:max_topk=5,temperature=0.8", Options).Name, Is.EqualTo("soft-max_topk-5-temperature-0.8"));

    [TestCase("", "unknown setting ''; the settings are soft, ")]
    [TestCase("Soft", "unknown setting 'Soft'")]
    [TestCase("mine=", "unknown setting ''")]
    [TestCase("a=b=soft", "unknown setting 'b=soft'")]
    [TestCase("=soft", "'' cannot be the name of a setting")]
    [TestCase(".x=soft", "'.x' cannot be the name of a setting")]
    [TestCase("../x=soft", "name it yourself as NAME=soft")]
    [TestCase("soft:think_end_str=</x>", "name it yourself as NAME=soft:think_end_str=</x>")]
    [TestCase("soft:", "'' in 'soft:' must be KEY=VALUE")]
    [TestCase("soft:max_topk", "'max_topk' in 'soft:max_topk' must be KEY=VALUE")]
    [TestCase("soft:max_topk=5,", "must be KEY=VALUE")]
    [TestCase("soft:max_topk=5,max_topk=6", "'max_topk' stands twice")]
    [TestCase("soft:seed=5", "a setting has no seed of its own")]
    [TestCase("soft:top_q=5", "top_q")]
    [TestCase("soft:max_topk=0", "max_topk")]
    [TestCase("soft:max_topk=many", "max_topk")]
    [TestCase("soft:max_topk=null", "max_topk")]
    [TestCase("soft:temperature=1e400", "temperature")]
    [TestCase("x=soft:max_topk=\"\\ud800\"", "max_topk")]
    [TestCase("x=soft:max_topk=[5]", "max_topk")]
    public void AWrongSetting_IsRefused(string spec, string message) =>
        Assert.That(Assert.Throws<ArgumentException>(() => SettingSpec.Parse(spec, Options))!.Message, Does.Contain(message));

    [Test]
    public void ALongName_IsRefused() =>
        Assert.That(Assert.Throws<ArgumentException>(() => SettingSpec.Parse(new string('a', 61) + "=cot", Options))!.Message, Does.Contain("up to 60 letters"));
}

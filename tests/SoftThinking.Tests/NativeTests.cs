using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using NUnit.Framework.Internal.Builders;

namespace SoftThinking.Tests;

/// <summary>Every native test as a case of its own, so that one command runs all tests and counts them. The cases of a
/// GoogleTest suite share a process, and suites run in parallel.</summary>
[TestFixtureSource(nameof(Suites))]
[Parallelizable(ParallelScope.Self)]
public class NativeTests(NativeSuite suite)
{
    [CasesOfTheSuite]
    public void Native(string name)
    {
        NativeResult result = suite.ResultOf(name);
        if (result.Status == TestStatus.Skipped)
            Assert.Ignore(result.Text);
        Assert.That(result.Status, Is.EqualTo(TestStatus.Passed), result.Text);
    }

    /// <summary>The suites that CTest knows in the native build of this configuration. Where CTest cannot list them, one
    /// suite whose only case fails with the reason, because an empty list would look like success.</summary>
    private static IEnumerable<TestFixtureData> Suites()
    {
        string folder = Path.Combine(TestData.RepositoryRoot, "build", TestData.Configuration);
        List<NativeSuite> suites;
        try
        {
            suites = NativeSuite.List(folder, TestData.Configuration == "Debug" ? "RelWithDebInfo" : "Release");
        }
        catch (Exception error) when (error is InvalidOperationException or TimeoutException)
        {
            suites = [NativeSuite.Failing("ctest", $"the native tests in {folder} cannot be listed: {error.Message}")];
        }
        return suites.Select(FixtureOf);
    }

    private static TestFixtureData FixtureOf(NativeSuite suite)
    {
        TestFixtureData fixture = new TestFixtureData(suite).SetArgDisplayNames(suite.Name);
        foreach (string label in suite.Labels)
            fixture.Properties.Add(PropertyNames.Category, label);
        return fixture;
    }

    /// <summary>Makes a test case of every case of the fixture's suite.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class CasesOfTheSuiteAttribute : NUnitAttribute, ITestBuilder
    {
        public IEnumerable<TestMethod> BuildFrom(IMethodInfo method, Test? suite)
        {
            NativeSuite native = (NativeSuite)suite!.Arguments[0]!;
            NUnitTestCaseBuilder builder = new();
            foreach (string name in native.Cases)
                yield return builder.BuildTestMethod(method, suite, new TestCaseData(name).SetArgDisplayNames(name));
        }
    }
}

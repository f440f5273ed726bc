using System.Reflection;
using System.Xml.Linq;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The documentation of public methods lists the exceptions that callers meet.</summary>
public class ExceptionDocumentationTests
{
    private static readonly Lazy<Dictionary<string, string[]>> Documented = new(() => XDocument
        .Load(Path.ChangeExtension(typeof(Engine).Assembly.Location, ".xml"))
        .Descendants("member")
        .ToDictionary(
            member => member.Attribute("name")!.Value,
            member => member.Elements("exception").Select(exception => exception.Attribute("cref")!.Value.Split('.')[^1]).ToArray()));

    public static IEnumerable<MethodBase> MethodsThatRefuseNull() =>
        ArgumentTests.Arguments().Select(test => (MethodBase)test.Arguments[0]!).Where(method => method is MethodInfo).Distinct();

    [TestCaseSource(nameof(MethodsThatRefuseNull))]
    public void NullIsDocumented(MethodBase method) => Assert.That(Of(method), Has.Some.Contains(nameof(ArgumentNullException)));

    [Test]
    public void StreamAsync_ListsWhatGenerateAsyncLists() => Assert.That(
        Of(typeof(Engine).GetMethod(nameof(Engine.StreamAsync))!).Single(),
        Is.EquivalentTo(Of(typeof(Engine).GetMethod(nameof(Engine.GenerateAsync))!).Single()));

    /// <summary>The exceptions of all methods of this name.</summary>
    private static IEnumerable<string[]> Of(MethodBase method)
    {
        Type type = method.DeclaringType!;
        string name = $"M:{(type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName}.{method.Name}";
        return Documented.Value.Where(member => member.Key == name || member.Key.StartsWith(name + "(", StringComparison.Ordinal)).Select(member => member.Value);
    }
}

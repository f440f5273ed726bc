using Mono.Cecil;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The test of the architecture sees a reference wherever it stands.</summary>
public class TypeReferencesTests
{
    [Test]
    public void Of_FindsReferencesOfEveryKind()
    {
        using ModuleDefinition module = ModuleDefinition.ReadModule(typeof(Sample<>).Assembly.Location);
        TypeDefinition sample = module.GetTypes().Single(type => type.FullName.EndsWith("/Sample`1", StringComparison.Ordinal));
        string[] expected =
        [
            nameof(Base), nameof(IContract), nameof(InArgument), nameof(InArray), nameof(InAttribute), nameof(InAttributeArgument), nameof(InCall),
            nameof(InCatch), nameof(InConstraint), nameof(InField), nameof(InPointer), nameof(InReturn), nameof(InTypeTest),
        ];
        Assert.That(TypeReferences.Of(sample).Select(type => type.Name), Is.EquivalentTo(expected));
    }

    private abstract class Base;

    private interface IContract;

    private sealed class InArgument;

    private sealed class InArray;

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class InAttribute(Type type) : Attribute
    {
        public Type Type { get; } = type;
    }

    private sealed class InAttributeArgument;

    private static class InCall
    {
        public static void Run()
        {
        }
    }

    private sealed class InCatch : Exception;

    private class InConstraint;

    private sealed class InField;

    private sealed class InPointer;

    private sealed class InReturn;

    private sealed class InTypeTest;

#pragma warning disable CA1812, CS0649, IDE0044, IDE0051, IDE0052 // read as compiled code, never run
    private sealed unsafe class Sample<T> : Base, IContract
        where T : InConstraint
    {
        private InField? _field;
        private List<InArgument[]>? _argument;
        private delegate*<InPointer, void> _pointer;

        [InAttribute(typeof(InAttributeArgument))]
        private InReturn? Run(InArray[] array, object value)
        {
            try
            {
                InCall.Run();
            }
            catch (InCatch)
            {
                return null;
            }
            return value is InTypeTest && array.Length > 0 && _field != null && _argument != null && _pointer != null ? new InReturn() : null;
        }
    }
#pragma warning restore CA1812, CS0649, IDE0044, IDE0051, IDE0052
}

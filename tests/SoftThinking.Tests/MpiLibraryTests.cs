using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

public class MpiLibraryTests
{
    [Test]
    public void AbsentLibrary_SaysWhatToInstall() =>
        Assert.That(() => MpiLibrary.Load("softthinking_absent"), Throws.TypeOf<BackendException>()
            .With.Message.Contains("'softthinking_absent'").And.Message.Contains("apt install openmpi-bin libopenmpi-dev"));

    [Test]
    public void AnotherLibrary_IsNotTakenForIt() =>
        Assert.That(() => MpiLibrary.Load("softthinking_cpu"), Throws.TypeOf<BackendException>()
            .With.Message.Contains("st_mpi_get_api"));
}

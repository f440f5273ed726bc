using NUnit.Framework;

namespace SoftThinking.Tests.Chat;

/// <summary>Chat templates as they were published; tests are skipped where they are absent.</summary>
internal static class PublishedTemplates
{
    public static string Source(string name)
    {
        if (TestData.FindGolden("chat-template") is not string folder)
        {
            Assert.Ignore("golden data of kind chat-template is absent: set SOFTTHINKING_GOLDEN to the folder that holds it");
            return "";
        }
        return File.ReadAllText(Path.Combine(folder, name + ".jinja"));
    }
}

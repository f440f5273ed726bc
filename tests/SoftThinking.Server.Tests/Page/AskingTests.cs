using System.Text;
using System.Text.Json;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

internal sealed class AskingTests : PageTest
{
    [Test]
    public async Task Reply_IsWhatTheEngineGenerates()
    {
        GenerationRequest request = GenerationRequest.FromQuestion(Question) with { Sampling = new SamplingOptions { Seed = 5 } };
        GenerationResult expected = await Server.Engine.GenerateAsync(request);
        GeneratedToken[] thoughts = [.. expected.Samples[0].Tokens.Where(token => token.Thinking)];
        IPage page = await OpenAsync(script: Parameters(("seed", "5")));
        await AskAsync(page);
        Assert.That(await TextAsync(page, ".answer .token"), Is.EqualTo(expected.Answer));
        Assert.That(await TextAsync(page, ".thought .token:not(.marker)"), Is.EqualTo(expected.Thinking));
        await Expect(page.Locator(".thought .mixed")).ToHaveCountAsync(thoughts.Count(token => token.Token.Entries.Length > 1));
        await Expect(page.Locator(".figures")).ToContainTextAsync($"Thinking{thoughts.Length} tokens");
        await Expect(page.Locator(".figures")).ToContainTextAsync($"Mean entropy{thoughts.Average(token => token.Entropy):0.000} nats");
        await Expect(page.Locator(".chart")).ToContainTextAsync("ended by the model");
    }

    [Test]
    public async Task Example_IsAsked()
    {
        IPage page = await OpenAsync();
        await page.Locator("#send:enabled").WaitForAsync();
        await page.Locator("#examples button").First.ClickAsync();
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
        await Expect(page.Locator("#model")).ToHaveTextAsync(TestServer.Model);
        await Expect(page.Locator("#welcome")).ToBeHiddenAsync();
    }

    [Test]
    public async Task ShiftEnter_BreaksTheLine()
    {
        IPage page = await OpenAsync();
        await page.FillAsync("#question", "one");
        await page.PressAsync("#question", "Shift+Enter");
        await page.Keyboard.TypeAsync("two");
        await Expect(page.Locator("#question")).ToHaveValueAsync("one\ntwo");
        await Expect(page.Locator(".turn")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task LaterQuestion_ComesWithEarlierTurns()
    {
        IPage page = await OpenAsync(script: Parameters(("system", "Be brief."), ("seed", "1")));
        await AskAsync(page);
        string answer = await page.Locator(".answer .tokens").InnerTextAsync();
        IRequest second = await page.RunAndWaitForRequestAsync(() => AskAsync(page, "Compute 40 + 7."), IsChat);
        JsonElement[] messages = [.. JsonElement.Parse(second.PostData!).GetProperty("messages").EnumerateArray()];
        string?[] roles = [.. messages.Select(message => message.GetProperty("role").GetString())];
        Assert.Multiple(() =>
        {
            Assert.That(roles, Is.EqualTo(new[] { "system", "user", "assistant", "user" }));
            Assert.That(messages[1].GetProperty("content").GetString(), Is.EqualTo(Question));
            Assert.That(messages[2].GetProperty("content").GetString(), Is.EqualTo(answer));
            Assert.That(messages[2].GetProperty("reasoning_content").GetString(), Does.Contain("to compute"));
        });
        await Expect(page.Locator(".turn")).ToHaveCountAsync(2);
        await page.ClickAsync("#new");
        await Expect(page.Locator("#welcome")).ToBeVisibleAsync();
        IRequest anew = await page.RunAndWaitForRequestAsync(() => AskAsync(page, "Compute 40 + 7."), IsChat);
        Assert.That(JsonElement.Parse(anew.PostData!).GetProperty("messages").GetArrayLength(), Is.EqualTo(2), "system message and question");
    }

    [Test]
    public async Task Stream_IsShownWhateverItsPieces()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        string thought = StubbedReplies.Chunk(StubbedReplies.Token(true, "naïve – ", "東京"));
        string answer = StubbedReplies.Chunk(
            StubbedReplies.EndOfThinking("budget"), StubbedReplies.Token(false, "\n\n"), StubbedReplies.Token(false, "Grüße 😀"));
        string stream = $": keep-alive\r\n\r\n{thought.ReplaceLineEndings("\r\n")}:\n\n{answer}{StubbedReplies.End}";
        foreach (byte next in Encoding.UTF8.GetBytes(stream))
            await replies.SendAsync([next]);
        await page.Locator("#send").WaitForAsync();
        await Expect(page.Locator(".thought .top")).ToHaveTextAsync("naïve –");
        await Expect(page.Locator(".thought .other")).ToHaveTextAsync("東京");
        await Expect(page.Locator(".answer .tokens")).ToHaveTextAsync("Grüße 😀");
        await Expect(page.Locator(".chart")).ToContainTextAsync("ended by the budget");
    }

    [Test]
    public async Task ReplyWithoutConceptTokens_IsShownAsText()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        await replies.SendAsync("""
            data: {"choices": [{"delta": {"reasoning_content": "Let me see."}}]}

            data: {"choices": [{"delta": {"content": "It is 7."}}]}

            data: [DONE]


            """);
        await Expect(page.Locator(".thought")).ToHaveTextAsync("Let me see.");
        await Expect(page.Locator(".answer .tokens")).ToHaveTextAsync("It is 7.");
        await Expect(page.Locator(".chart")).ToBeHiddenAsync();
    }

    [Test]
    public async Task Escape_StopsAndKeepsWhatThereIs()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        await Expect(page.Locator(".state")).ToContainTextAsync("Waiting");
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(true, "Hmm", "Well")));
        await Expect(page.Locator(".state")).ToContainTextAsync("Thinking");
        await Expect(page.Locator("#send")).ToBeHiddenAsync();
        await page.PressAsync("#question", "Escape");
        await Expect(page.Locator(".state")).ToHaveTextAsync("Stopped");
        Assert.That(await replies.IsAbortedAsync(), Is.True);
        await Expect(page.Locator(".thought .mixed")).ToHaveCountAsync(1);
        await SendAsync(page, "And now?");
        JsonElement[] requests = await replies.RequestsAsync();
        Assert.That(requests[^1].GetProperty("messages").GetArrayLength(), Is.EqualTo(1), "a turn without an answer is not part of the conversation");
        await page.ClickAsync("#stop");
        await Expect(page.Locator(".state").Last).ToHaveTextAsync("Stopped");
    }

    [Test]
    public async Task AnswerNow_EndsTheThinking()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await page.RouteAsync("**/v1/chat/completions/control", route => route.FulfillAsync(new() { Status = 200, Body = "{}" }));
        await SendAsync(page);
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(true, "Hmm")));
        IRequest order = await page.RunAndWaitForRequestAsync(
            () => page.GetByText("Answer now").ClickAsync(), request => request.Url.EndsWith("/control", StringComparison.Ordinal));
        Assert.That(order.PostData, Is.EqualTo("""{"id":"stub","action":"reasoning_end"}"""));
        Assert.That((await replies.RequestsAsync())[0].GetProperty("reasoning_control").GetBoolean(), Is.True);
        await Expect(page.GetByText("Answer now")).ToBeHiddenAsync();
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.EndOfThinking("budget"), StubbedReplies.Token(false, "Yes")));
        await Expect(page.Locator(".chart")).ToContainTextAsync("ended by you");
    }

    [Test]
    public async Task ScreenReader_HearsTheAnswerOnce()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await page.EvaluateAsync("""
            window.heard = [];
            const announcer = document.getElementById("announcer");
            new MutationObserver(() => heard.push(announcer.textContent)).observe(announcer, { childList: true });
            """);
        await SendAsync(page);
        foreach (string word in new[] { "It", " is", " seven", "." })
            await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(false, word)));
        await replies.SendAsync(StubbedReplies.End);
        await page.Locator("#send").WaitForAsync();
        string[] heard = await page.EvaluateAsync<string[]>("heard");
        Assert.That(heard, Is.EqualTo(new[] { "Thinking", "It is seven. 0 thoughts, 0 mixtures, 4 answer tokens." }));
    }

    [Test]
    public async Task Export_HasRequestTokensUsageAndTimes()
    {
        IPage page = await OpenAsync();
        await page.CheckAsync("#compare");
        await AskAsync(page);
        IDownload download = await page.RunAndWaitForDownloadAsync(() => page.GetByText("Export").ClickAsync());
        JsonElement trace = JsonElement.Parse(await File.ReadAllTextAsync(await download.PathAsync()));
        Assert.That(download.SuggestedFilename, Does.StartWith("softthinking-").And.EndsWith(".json"));
        Assert.That(trace.GetProperty("runs").GetArrayLength(), Is.EqualTo(2));
        foreach (JsonElement run in trace.GetProperty("runs").EnumerateArray())
            Assert.Multiple(() =>
            {
                Assert.That(run.GetProperty("request").GetProperty("messages")[0].GetProperty("content").GetString(), Is.EqualTo(Question));
                Assert.That(run.GetProperty("seed").GetUInt64(), Is.EqualTo(1));
                Assert.That(run.GetProperty("content").GetString(), Does.Contain("113"));
                Assert.That(run.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
                int tokens = run.GetProperty("usage").GetProperty("completion_tokens").GetInt32();
                Assert.That(run.GetProperty("concept_tokens").GetArrayLength(), Is.EqualTo(tokens));
                Assert.That(run.GetProperty("times_ms").GetProperty("thinking").GetDouble(), Is.Not.Negative);
            });
    }

    private static bool IsChat(IRequest request) => request.Url.EndsWith("/v1/chat/completions", StringComparison.Ordinal);

    // The texts of tokens without the alternatives below them.
    private static Task<string> TextAsync(IPage page, string tokens) => page.EvaluateAsync<string>($$"""
        [...document.querySelectorAll("{{tokens}}")].map(token => {
            const copy = token.cloneNode(true);
            copy.querySelectorAll(".other").forEach(other => other.remove());
            return copy.textContent;
        }).join("").trim()
        """);
}

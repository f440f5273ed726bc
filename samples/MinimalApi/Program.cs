// A web service that answers questions. dotnet run --urls http://localhost:5000, then curl 'http://localhost:5000/ask?question=What+is+7+%2B+5%3F'
using Microsoft.Extensions.AI;
using SoftThinking.Extensions.AI;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.AddSoftThinking(); // the section SoftThinking of appsettings.json
builder.Services.AddHealthChecks().AddSoftThinking();

WebApplication app = builder.Build();
app.MapHealthChecks("/health");
app.MapGet("/ask", async (string question, IChatClient client, CancellationToken cancellation) =>
    (await client.GetResponseAsync(question, cancellationToken: cancellation)).Text.Trim());
app.MapGet("/stream", (string question, IChatClient client, CancellationToken cancellation) =>
    TypedResults.ServerSentEvents(Texts(client.GetStreamingResponseAsync(question, cancellationToken: cancellation))));
await app.RunAsync();

// A thought as events of the type "thought", the answer as events without a type.
static async IAsyncEnumerable<System.Net.ServerSentEvents.SseItem<string>> Texts(IAsyncEnumerable<ChatResponseUpdate> updates)
{
    await foreach (AIContent content in updates.SelectMany(update => update.Contents.ToAsyncEnumerable()))
    {
        if (content is TextReasoningContent thought)
            yield return new(thought.Text, "thought");
        else if (content is TextContent answer)
            yield return new(answer.Text);
    }
}

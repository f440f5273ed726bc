// An agent with a tool. It needs a model whose chat template knows tools, for example Qwen3. dotnet run -- MODEL [QUESTION]
using System.ComponentModel;

using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using SoftThinking;
using SoftThinking.Extensions.AI;

await using Engine engine = await Engine.LoadAsync(args[0]);
using IChatClient client = new SoftThinkingChatClient(engine, Path.GetFileName(args[0]));
AIAgent agent = client.AsAIAgent(
    instructions: "You answer questions about the weather.", tools: [AIFunctionFactory.Create(WeatherIn, "weather")]);

await foreach (AgentResponseUpdate update in agent.RunStreamingAsync(args.ElementAtOrDefault(1) ?? "What is the weather in Bern?"))
    Console.Write(update.Text);
Console.WriteLine();

[Description("The weather of today in a city.")]
static string WeatherIn([Description("name of the city")] string city)
{
    Console.WriteLine($"(the weather in {city} was asked for)");
    return $"In {city} it is sunny, 21 °C.";
}

using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Projections.Audit;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Audit;

/// <summary>A server with some history, and questions to its log.</summary>
internal static class AuditedServer
{
    /// <summary>Two users, a room with state, messages, a redaction, an alias and members who come and go.</summary>
    public static async Task<(string Room, string Redacted)> MakeHistoryAsync(TestHomeserver server)
    {
        var alice = await server.RegisterAsync("alice");
        var bob = await server.RegisterAsync("bob");
        (await alice.PutAsync($"profile/{alice.UserId}/displayname", """{"displayname":"Alice"}""")).Ok();
        var room = await alice.CreateRoomAsync("""{"preset":"public_chat","name":"garden","room_alias_name":"garden"}""");
        await bob.JoinAsync(room);
        await alice.SendTextAsync(room, "one");
        var redacted = await bob.SendTextAsync(room, "a secret");
        (await bob.PutAsync($"rooms/{Uri.EscapeDataString(room)}/redact/{Uri.EscapeDataString(redacted)}/r1", "{}")).Ok();
        await alice.SetStateAsync(room, "m.room.topic", "", """{"topic":"flowers"}""");
        await alice.SetStateAsync(room, "m.room.topic", "", """{"topic":"trees"}""");
        (await alice.PutAsync($"directory/list/room/{Uri.EscapeDataString(room)}", """{"visibility":"public"}""")).Ok();
        (await bob.PostAsync($"rooms/{Uri.EscapeDataString(room)}/leave")).Ok();
        return (room, redacted);
    }

    public static Task<IReadOnlyList<JsonElement>> AskAsync(TestHomeserver server, params string[] words) =>
        AskAsync(server.Services, words);

    public static async Task<IReadOnlyList<JsonElement>> AskAsync(StoppedHomeserver stopped, params string[] words)
    {
        await stopped.LookAsync(CancellationToken.None);
        return await AskAsync(stopped.Services, words);
    }

    private static async Task<IReadOnlyList<JsonElement>> AskAsync(IServiceProvider services, string[] words)
    {
        var question = AuditQuestion.Parse(words, out var problem);
        Assert.True(question is not null, problem);
        var answer = await services.GetRequiredService<Auditor>().AskAsync(
            question, [.. words], "tester", CancellationToken.None);
        var lines = new List<JsonElement>();
        await foreach (var line in answer)
        {
            var json = JsonElement.Parse(line.Span);
            if (!json.TryGetProperty("progress", out _))
                lines.Add(json);
        }
        return lines;
    }
}

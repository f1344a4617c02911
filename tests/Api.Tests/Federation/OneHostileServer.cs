using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;
using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Our server with Alice, and one with Mallory whose key the test has; both are in a public room of version
/// 11.</summary>
public abstract class OneHostileServer : IAsyncLifetime
{
    protected const string V1 = "/_matrix/federation/v1";

    private static readonly RoomVersionRules Rules = RoomVersionRules.Find("11")!;

    private TestHomeserver _theirs = null!;
    private int _transactions;

    protected TestHomeserver Ours { get; private set; } = null!;

    protected TestUser Alice { get; private set; } = null!;

    protected TestUser Mallory { get; private set; } = null!;

    protected string Room { get; private set; } = null!;

    protected ServerIdentity Them => _theirs.Services.GetRequiredService<ServerIdentity>();

    protected ServerName Us => Ours.Services.GetRequiredService<ServerIdentity>().Name;

    public async Task InitializeAsync()
    {
        Ours = await FederatingServers.StartAsync();
        _theirs = await FederatingServers.StartAsync();
        Alice = await Ours.RegisterAsync("alice");
        Mallory = await _theirs.RegisterAsync("mallory");
        Room = await Alice.CreateRoomAsync("""{"preset":"public_chat","room_version":"11"}""");
        (await Mallory.PostAsync($"/_matrix/client/v3/join/{Uri.EscapeDataString(Room)}?via={Us}")).Ok();
    }

    public async Task DisposeAsync()
    {
        await Ours.DisposeAsync();
        await _theirs.DisposeAsync();
    }

    protected int NextTransaction() => ++_transactions;

    /// <summary>A PDU on the room's heads as the other server sees them, signed by it.</summary>
    protected async Task<Pdu> BuildAsync(string type, string? stateKey, string sender, string content)
    {
        var state = await Mallory.StateAsync(Room);
        var head = (await Mallory.GetAsync(
            $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(Room)}/messages?dir=b&limit=1")).Ok()
            .GetProperty("chunk")[0].Text("event_id");
        string[] tuples = ["m.room.create|", "m.room.power_levels|", $"m.room.member|{sender}"];
        if (type == "m.room.member")
            tuples = [.. tuples, "m.room.join_rules|"];
        var authEvents = tuples
            .Where(state.ContainsKey).Select(tuple => EventId.Parse(state[tuple])).ToList();
        var draft = new PduDraft(
            RoomId.Parse(Room),
            type,
            stateKey,
            UserId.Parse(sender),
            JsonElement.Parse(Encoding.UTF8.GetBytes(content)),
            DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            100,
            [EventId.Parse(head)],
            authEvents);
        return ((PduBuildResult.Built)PduBuilder.Build(draft, Rules, Them)).Pdu;
    }

    /// <summary>The template that our server makes for a user of the other one.</summary>
    protected async Task<JsonElement> MakeAsync(string kind, string room, string userId) => (await AskAsync(
        "GET", $"{V1}/make_{kind}/{Uri.EscapeDataString(room)}/{Uri.EscapeDataString(userId)}?ver=11")).Ok()
        .GetProperty("event");

    /// <summary>What a template asks for, signed by the other server; or the like, of somebody else.</summary>
    protected Pdu Complete(JsonElement template, string? userId = null, string? content = null) => ((PduBuildResult.Built)
        PduBuilder.Build(
            new PduDraft(
                RoomId.Parse(template.Text("room_id")),
                template.Text("type"),
                userId ?? template.Text("state_key"),
                UserId.Parse(userId ?? template.Text("sender")),
                content is null ? template.GetProperty("content") : JsonElement.Parse(Encoding.UTF8.GetBytes(content)),
                template.GetProperty("origin_server_ts").GetInt64(),
                template.GetProperty("depth").GetInt64(),
                [.. template.GetProperty("prev_events").EnumerateArray().Select(id => EventId.Parse(id.GetString()!))],
                [.. template.GetProperty("auth_events").EnumerateArray().Select(id => EventId.Parse(id.GetString()!))]),
            Rules,
            Them)).Pdu;

    /// <summary>Sends a member event to our server, which is in the room.</summary>
    protected Task<Reply> SendAsync(string endpoint, Pdu pdu, string? json = null) => AskAsync(
        "PUT",
        $"/_matrix/federation/{endpoint}/{Uri.EscapeDataString(pdu.RoomId.Value)}/{Uri.EscapeDataString(pdu.EventId.Value)}",
        json ?? Encoding.UTF8.GetString(pdu.Json.Span));

    protected async Task<JsonElement> SendAsync(params ReadOnlyMemory<byte>[] pdus)
    {
        var all = string.Join(',', pdus.Select(pdu => Encoding.UTF8.GetString(pdu.Span)));
        var answer = await AskAsync("PUT", $"{V1}/send/{NextTransaction()}", $$"""{"origin":"{{Them.Name}}","origin_server_ts":1,"pdus":[{{all}}]}""");
        Assert.Equal(200, answer.Status);
        return answer.Json.GetProperty("pdus");
    }

    protected Task<Reply> EventAsync(EventId eventId) => Alice.GetAsync(
        $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(Room)}/event/{Uri.EscapeDataString(eventId.Value)}");

    /// <summary>A request that the other server signs, whatever is in it.</summary>
    protected async Task<Reply> AskAsync(string method, string uri, string? content = null)
    {
        var bytes = content is null ? [] : Encoding.UTF8.GetBytes(content);
        if (content is not null && CanonicalJson.TryCanonicalise(bytes, out var canonical, out _))
            bytes = canonical;
        using var client = new HttpClient(new HttpClientHandler
        {
            ServerCertificateCustomValidationCallback = (_, _, _, _) => true,
        });
        using var request = new HttpRequestMessage(new HttpMethod(method), $"https://{Us}{uri}");
        if (content is not null)
            request.Content = new ByteArrayContent(bytes);
        try
        {
            var signed = new SignedRequest(method, request.RequestUri!.PathAndQuery, Them.Name, Us, bytes);
            request.Headers.TryAddWithoutValidation("Authorization", signed.Sign(Them.Key).ToString());
        }
        catch (FormatException)
        {
            // What has no canonical form cannot be signed: it goes without.
        }
        using var response = await client.SendAsync(request);
        return new Reply((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }
}

using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A notary that is always up and knows everybody's keys.</summary>
/// <remarks>Without one, who joins while a server cannot be reached drops that server's part of the room's state, as nobody
/// could vouch for it: then the servers differ, and keep to the rules.</remarks>
internal sealed class SimulatedNotary : INetworkNode
{
    private readonly World _world;
    private readonly SimulatedNetwork _network;
    private readonly ServerSigningKey _key = ServerSigningKey.FromSeed(KeyId.Parse("ed25519:notary"), [.. Enumerable.Repeat((byte)9, 32)]);

    public SimulatedNotary(World world, SimulatedNetwork network)
    {
        (_world, _network) = (world, network);
        network.Add(this);
    }

    public static ServerName ServerName { get; } = ServerName.Parse("notary.test");

    public ServerName Name => ServerName;

    public object? Listener => this;

    public Task<WireAnswer> AnswerAsync(WireRequest request)
    {
        if (request.Method == "GET")
            return Task.FromResult(new WireAnswer(200, KeyDocument(SimulatedClock.EpochMs + _world.NowMs + 86_400_000)));
        using var body = JsonDocument.Parse(request.Content);
        var asked = body.RootElement.GetProperty("server_keys").EnumerateObject().Select(server => ServerName.Parse(server.Name));
        var documents = _network.Nodes.Where(node => node is not SimulatedNotary && asked.Contains(node.Name)).Select(Known);
        return Task.FromResult(new WireAnswer(
            200, Encoding.UTF8.GetBytes($$"""{"server_keys":[{{string.Join(',', documents.Select(utf8 => Encoding.UTF8.GetString(utf8)))}}]}""")));
    }

    public byte[] KeyDocument(long validUntilMs) => SignedDocument(Name, _key, [], validUntilMs);

    /// <summary>What a server says of its keys.</summary>
    public static byte[] SignedDocument(ServerName name, ServerSigningKey key, IReadOnlyList<VerifyKey> retired, long validUntilMs)
    {
        var old = retired.Select(one =>
            $$"""
            "{{one.KeyId}}":{"expired_ts":{{one.ExpiredTs}},"key":"{{Protocol.Json.UnpaddedBase64.Encode(one.PublicKey.Span)}}"}
            """);
        return JsonSigning.Sign(
            JsonElement.Parse(
                $$"""
                {"server_name":"{{name}}","old_verify_keys":{ {{string.Join(',', old)}} },"valid_until_ts":{{validUntilMs}},
                "verify_keys":{"{{key.KeyId}}":{"key":"{{key.PublicKeyBase64}}"} } }
                """),
            name,
            key);
    }

    private byte[] Known(INetworkNode node) => JsonSigning.Sign(JsonElement.Parse(node.KeyDocument(
        SimulatedClock.EpochMs + _world.NowMs + 86_400_000)), Name, _key);
}

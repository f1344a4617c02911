using System.Security.Cryptography;
using System.Text.Json;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>A request as it goes over the wire.</summary>
internal sealed record WireRequest(
    ServerName Origin, ServerName Destination, string Method, string Uri, string? Authorization, ReadOnlyMemory<byte> Content)
{
    public bool IsTransaction => Method == "PUT" && Uri.StartsWith("/_matrix/federation/v1/send/", StringComparison.Ordinal);

    /// <summary>The path's last parts, for people.</summary>
    public string Short => Uri.Replace("/_matrix/", "", StringComparison.Ordinal) is var text && text.Length > 90 ? text[..90] : text;
}

internal sealed record WireAnswer(int Status, ReadOnlyMemory<byte> Body);

/// <summary>A server as the network reaches it.</summary>
internal interface INetworkNode
{
    ServerName Name { get; }

    /// <summary>What answers now; null while nothing does.</summary>
    object? Listener { get; }

    Task<WireAnswer> AnswerAsync(WireRequest request);

    /// <summary>Its keys, signed by it.</summary>
    byte[] KeyDocument(long validUntilMs);
}

/// <summary>The network between the servers: it delays, reorders, loses and repeats what it carries, and parts them.</summary>
internal sealed class SimulatedNetwork(World world)
{
    private readonly Dictionary<ServerName, INetworkNode> _nodes = [];
    private readonly HashSet<(ServerName, ServerName)> _cut = [];
    private readonly Dictionary<(ServerName, ServerName, string), string> _transactions = [];
    private readonly Dictionary<(object Sender, ServerName Destination), int> _underWay = [];
    private readonly HashSet<(ServerName Destination, string ContentHash)> _sentTo = [];

    /// <summary>Of a hundred requests, so many are lost, or their answers.</summary>
    public int LostPercent { get; set; }

    public int RepeatedPercent { get; set; }

    /// <summary>Whether a transaction brought the PDU to the server, which then has no way to tell it from news.</summary>
    public bool WasSentTo(ServerName server, ReadOnlyMemory<byte> pdu) =>
        _sentTo.Contains((server, ContentHashOf(JsonElement.Parse(pdu.Span))));

    private static string ContentHashOf(JsonElement pdu) =>
        pdu.ValueKind == JsonValueKind.Object && pdu.TryGetProperty("hashes"u8, out var hashes) ? hashes.GetRawText() : "";

    private void Remember(WireRequest transaction)
    {
        if (!transaction.IsTransaction)
            return;
        try
        {
            if (JsonElement.Parse(transaction.Content.Span).TryGetProperty("pdus"u8, out var pdus))
                _sentTo.UnionWith(pdus.EnumerateArray().Select(pdu => (transaction.Destination, ContentHashOf(pdu))));
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // The byzantine server's transactions need not be JSON.
        }
    }

    /// <summary>The longest time that a message takes.</summary>
    public int DelayMaxMs { get; set; } = 50;

    /// <summary>Hears of each request of a server that keeps to the rules, before it is on its way.</summary>
    public Func<WireRequest, Task> Sends { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Hears of each answer of a server, before it is on its way.</summary>
    public Func<WireRequest, WireAnswer, Task> Answers { get; set; } = static (_, _) => Task.CompletedTask;

    /// <summary>Requests that a test wants to get lost.</summary>
    public Func<WireRequest, bool>? Loses { get; set; }

    public int Requests { get; private set; }

    /// <summary>Transactions of servers that keep to the rules.</summary>
    public int Transactions { get; private set; }

    public int Lost { get; private set; }

    public int Repeated { get; private set; }

    public int Retries { get; private set; }

    public IEnumerable<INetworkNode> Nodes => _nodes.Values;

    public void Add(INetworkNode node) => _nodes.Add(node.Name, node);

    public void Cut(ServerName one, ServerName other)
    {
        _cut.Add((one, other));
        _cut.Add((other, one));
    }

    public void Heal() => _cut.Clear();

    public bool IsCut(ServerName one, ServerName other) => _cut.Contains((one, other));

    /// <summary>Carries a request of a process, and its answer.</summary>
    public async ValueTask<FederationAnswer> SendAsync(object sender, WireRequest request, TimeSpan timeout, long bodyBytesMax)
    {
        Requests++;
        var slot = (sender, request.Destination);
        if (request.IsTransaction && sender is ServerProcess)
            CheckTransaction(request, _underWay[slot] = _underWay.GetValueOrDefault(slot) + 1);
        if (sender is ServerProcess)
            await Sends(request);
        var answer = new TaskCompletionSource<FederationAnswer>();
        var tooLate = world.After(timeout, () => answer.TrySetResult(new FederationAnswer.TimedOut(timeout)));
        world.Watch(CarryAsync(request, answer, bodyBytesMax));
        try
        {
            return await answer.Task;
        }
        finally
        {
            tooLate.TakeBack();
            if (request.IsTransaction && sender is ServerProcess)
                _underWay[slot]--;
        }
    }

    private async Task CarryAsync(WireRequest request, TaskCompletionSource<FederationAnswer> answer, long bodyBytesMax)
    {
        await DelayAsync();
        if (Loses?.Invoke(request) == true || IsLost(request))
            return;
        if (!_nodes.TryGetValue(request.Destination, out var node) || node.Listener is not { } listener)
        {
            answer.TrySetResult(new FederationAnswer.Unreachable("nothing listens there"));
            return;
        }
        if (IsCut(request.Origin, request.Destination))
        {
            // Some networks say so, others are silent.
            if (world.Chance(50))
                answer.TrySetResult(new FederationAnswer.Unreachable("there is no way"));
            return;
        }
        if (world.Chance(RepeatedPercent))
            world.Watch(RepeatAsync(request, node));
        Remember(request);
        var given = await node.AnswerAsync(request);
        await Answers(request, given);
        await DelayAsync();
        if (node.Listener != listener || IsCut(request.Origin, request.Destination))
        {
            if (world.Chance(50))
                answer.TrySetResult(new FederationAnswer.Unreachable("the connection broke"));
            return;
        }
        if (IsLost(request))
            return;
        answer.TrySetResult(given.Body.Length > bodyBytesMax
            ? new FederationAnswer.TooLarge(bodyBytesMax)
            : new FederationAnswer.Answered(given.Status, given.Body));
    }

    private async Task RepeatAsync(WireRequest request, INetworkNode node)
    {
        Repeated++;
        await world.WaitAsync(world.Random.Next(4) * DelayMaxMs);
        if (node.Listener is not null)
            await Answers(request, await node.AnswerAsync(request));
    }

    private Task DelayAsync() => world.WaitAsync(1 + world.Random.Next(DelayMaxMs));

    private bool IsLost(WireRequest request)
    {
        if (request.Destination == SimulatedNotary.ServerName || !world.Chance(LostPercent))
            return false;
        Lost++;
        world.Say($"lost between {request.Origin} and {request.Destination}: {request.Short}");
        return true;
    }

    /// <summary>What has a name was sent with the same bytes before, and one at a time goes to a server.</summary>
    private void CheckTransaction(WireRequest request, int underWay)
    {
        var content = JsonElement.Parse(request.Content.Span);
        if (content.GetProperty("pdus").GetArrayLength() > Limits.TransactionPdusMax
            || content.GetProperty("edus").GetArrayLength() > Limits.TransactionEdusMax)
            world.Fail($"{request.Origin} sends more in {request.Uri} than a transaction holds");
        if (underWay > 1)
            world.Fail($"{request.Origin} sends two transactions to {request.Destination} at once");
        Transactions++;
        var hash = Convert.ToHexString(SHA256.HashData(request.Content.Span));
        var key = (request.Origin, request.Destination, request.Uri);
        if (_transactions.TryGetValue(key, out var before))
        {
            Retries++;
            if (before != hash)
                world.Fail($"{request.Origin} sends {request.Uri} to {request.Destination} with other bytes than before");
        }
        _transactions[key] = hash;
    }
}

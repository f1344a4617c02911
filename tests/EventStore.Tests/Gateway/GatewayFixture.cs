using System.Net;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Matrix.EventSourced.EventStore.Embedded;
using Matrix.EventSourced.EventStore.Gateway;
using Matrix.EventSourced.EventStore.Wire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.EventSourced.EventStore.Tests.Gateway;

/// <summary>A gateway on a free port over a log of its own, and the generated client to it.</summary>
public abstract class GatewayFixture : IAsyncLifetime
{
    /// <summary>A test that waits for this long has failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly EmbeddedEngine _engine = new();
    private readonly List<GrpcChannel> _channels = [];
    private LogGateway _gateway = null!;
    private int _lastId;

    private protected EmbeddedEventStore Log { get; private set; } = null!;

    private protected Streams.StreamsClient Client { get; private set; } = null!;

    private protected EmbeddedEngine Engine => _engine;

    private protected LogGateway Gateway => _gateway;

    public async Task InitializeAsync()
    {
        Log = await _engine.OpenEmbeddedAsync(EngineOptions(_engine.Folder));
        _gateway = await StartAsync(Log);
        Client = new Streams.StreamsClient(Channel());
    }

    public async Task DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        await _gateway.DisposeAsync();
        await Log.DisposeAsync();
        await _engine.DisposeAsync();
    }

    private protected virtual EmbeddedOptions EngineOptions(string folder) => new() { Folder = folder };

    private protected virtual GatewayCredentials? Credentials => null;

    private protected virtual IEventStore Served(IEventStore log) => log;

    private protected GrpcChannel Channel()
    {
        var channel = GrpcChannel.ForAddress(_gateway.Addresses[0]);
        _channels.Add(channel);
        return channel;
    }

    private protected static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime + Patience;

    private protected CallOptions Bounded(params (string Name, string Value)[] headers)
    {
        var metadata = new Metadata();
        foreach (var (name, value) in headers)
            metadata.Add(name, value);
        return new CallOptions(metadata, Deadline);
    }

    private protected static StreamIdentifier Name(string stream) =>
        new() { StreamName = ByteString.CopyFromUtf8(stream) };

    private protected Guid NextId() => new(Interlocked.Increment(ref _lastId), 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]);

    private protected static UUID Text(Guid id) => new() { String = id.ToString() };

    private protected AppendReq.Types.ProposedMessage Message(string data = "{}", string type = "happened", Guid? id = null) =>
        new()
        {
            Id = Text(id ?? NextId()),
            Metadata = { ["type"] = type, ["content-type"] = "application/json" },
            Data = ByteString.CopyFromUtf8(data),
            CustomMetadata = ByteString.CopyFromUtf8("{\"by\":1}"),
        };

    private protected AppendReq.Types.ProposedMessage[] Messages(int count) =>
        [.. Enumerable.Range(0, count).Select(n => Message($"{{\"n\":{n}}}"))];

    private protected async Task<AppendResp> AppendAsync(
        AppendReq.Types.Options options, params AppendReq.Types.ProposedMessage[] messages)
    {
        var parts = messages.Select(message => new AppendReq { ProposedMessage = message });
        return await AppendPartsAsync([new AppendReq { Options = options }, .. parts]);
    }

    private protected async Task<AppendResp> AppendPartsAsync(IEnumerable<AppendReq> parts)
    {
        using var call = Client.Append(Bounded());
        try
        {
            foreach (var part in parts)
                await call.RequestStream.WriteAsync(part);
            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException)
        {
            // Refused before everything was sent: the answer says why.
        }
        return await call.ResponseAsync;
    }

    private protected Task<AppendResp> AppendAsync(string stream, params AppendReq.Types.ProposedMessage[] messages) =>
        AppendAsync(new AppendReq.Types.Options { StreamIdentifier = Name(stream), Any = new Empty() }, messages);

    private protected static ReadReq StreamRequest(string stream) => new()
    {
        Options = new ReadReq.Types.Options
        {
            Stream = new ReadReq.Types.Options.Types.StreamOptions
            {
                StreamIdentifier = Name(stream),
                Start = new Empty(),
            },
            Count = long.MaxValue,
            NoFilter = new Empty(),
            UuidOption = new ReadReq.Types.Options.Types.UUIDOption { Structured = new Empty() },
        },
    };

    private protected static ReadReq AllRequest() => new()
    {
        Options = new ReadReq.Types.Options
        {
            All = new ReadReq.Types.Options.Types.AllOptions { Start = new Empty() },
            Count = long.MaxValue,
            NoFilter = new Empty(),
            UuidOption = new ReadReq.Types.Options.Types.UUIDOption { String = new Empty() },
        },
    };

    private protected static ReadReq Subscription(ReadReq request)
    {
        request.Options.Subscription = new ReadReq.Types.Options.Types.SubscriptionOptions();
        return request;
    }

    private protected static ReadReq Filtered(
        ReadReq request, Action<ReadReq.Types.Options.Types.FilterOptions> set, uint window = 32, uint multiplier = 1)
    {
        var filter = new ReadReq.Types.Options.Types.FilterOptions
        {
            Max = window,
            CheckpointIntervalMultiplier = multiplier,
        };
        set(filter);
        request.Options.Filter = filter;
        return request;
    }

    private protected static ReadReq.Types.Options.Types.FilterOptions.Types.Expression Prefixes(params string[] prefixes) =>
        new() { Prefix = { prefixes } };

    private protected static ReadReq.Types.Options.Types.FilterOptions.Types.Expression Pattern(string pattern) =>
        new() { Regex = pattern };

    private protected async Task<List<ReadResp>> ReadAsync(ReadReq request)
    {
        using var call = Client.Read(request, Bounded());
        var responses = new List<ReadResp>();
        await foreach (var response in call.ResponseStream.ReadAllAsync())
            responses.Add(response);
        return responses;
    }

    private protected async Task<RpcException> RefusedAsync(ReadReq request) =>
        await Assert.ThrowsAsync<RpcException>(() => ReadAsync(request));

    private protected static ulong[] Revisions(IEnumerable<ReadResp> responses) =>
        [.. responses.Where(response => response.Event is not null).Select(response => response.Event.Event.StreamRevision)];

    private protected static void AssertRevisions(IEnumerable<ReadResp> responses, params ulong[] revisions) =>
        Assert.Equal(revisions, Revisions(responses));

    private protected static string? Trailer(RpcException problem, string name) => problem.Trailers.GetValue(name);

    private Task<LogGateway> StartAsync(IEventStore log) => LogGateway.StartAsync(
        Served(log),
        new GatewayOptions([new GatewayListener(IPAddress.Loopback, 0)], Credentials),
        Engine.Time,
        NullLoggerFactory.Instance);
}

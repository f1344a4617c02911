using System.Net;
using Grpc.Core;
using Matrix.EventSourced.EventStore.EventStoreDb;
using Matrix.EventSourced.EventStore.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.EventStore.Tests.EventStoreDb;

/// <summary>A node of the tests' own: it says what a test tells it to.</summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeNode(WebApplication app, FakeAnswers answers)
    {
        (_app, Answers) = (app, answers);
        var address = new Uri(app.Urls.First());
        Address = new NodeAddress(address.Host, address.Port);
    }

    public FakeAnswers Answers { get; }

    public NodeAddress Address { get; }

    public static async Task<FakeNode> StartAsync()
    {
        var answers = new FakeAnswers();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, options => options.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(answers);
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<FakeStreams>();
        app.MapGrpcService<FakeFeatures>();
        app.MapGrpcService<FakeGossip>();
        await app.StartAsync();
        return new FakeNode(app, answers);
    }

    public async ValueTask DisposeAsync()
    {
        Answers.Stopping.Cancel();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What a fake node answers, and what it was asked.</summary>
internal sealed class FakeAnswers
{
    private readonly List<Metadata> _headers = [];

    public CancellationTokenSource Stopping { get; } = new();

    /// <summary>Null: it is the leader.</summary>
    public NodeAddress? Leader { get; set; }

    public ClusterInfo Cluster { get; } = new();

    public List<string> Methods { get; } = ["batchappend"];

    /// <summary>Of the calls so far; others may come meanwhile.</summary>
    public IReadOnlyList<Metadata> Headers
    {
        get
        {
            lock (_headers)
                return [.. _headers];
        }
    }

    /// <summary>The answer to the nth append of a batch; null for none.</summary>
    public Func<int, BatchAppendReq, BatchAppendResp?> OnBatch { get; set; } = (_, request) => Success(request, 0);

    /// <summary>Appends that came, one by one or in batches.</summary>
    public List<BatchAppendReq> Batches { get; } = [];

    public List<List<AppendReq>> Singles { get; } = [];

    public Func<ReadReq, IEnumerable<ReadResp>> OnRead { get; set; } = _ => [];

    public void Add(NodeAddress address, MemberInfo.Types.VNodeState state, bool isAlive = true) =>
        Cluster.Members.Add(new MemberInfo
        {
            State = state,
            IsAlive = isAlive,
            HttpEndPoint = new Wire.EndPoint { Address = address.Host, Port = (uint)address.Port },
        });

    public static BatchAppendResp Success(BatchAppendReq request, ulong revision) => new()
    {
        CorrelationId = request.CorrelationId,
        Success = new BatchAppendResp.Types.Success
        {
            CurrentRevision = revision,
            Position = new AllStreamPosition { CommitPosition = revision + 1, PreparePosition = revision + 1 },
        },
    };

    public void Take(ServerCallContext context)
    {
        lock (_headers)
            _headers.Add(context.RequestHeaders);
        if (Leader is { } leader && context.RequestHeaders.GetValue("requires-leader") == "true")
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.NotFound, "Leader info available"), new Metadata
            {
                { "exception", "not-leader" },
                { "leader-endpoint-host", leader.Host },
                { "leader-endpoint-port", $"{leader.Port}" },
            });
        }
    }
}

internal sealed class FakeStreams(FakeAnswers answers) : Streams.StreamsBase
{
    public override async Task Read(
        ReadReq request, IServerStreamWriter<ReadResp> responseStream, ServerCallContext context)
    {
        answers.Take(context);
        foreach (var response in answers.OnRead(request))
            await responseStream.WriteAsync(response);
        if (request.Options.CountOptionCase != ReadReq.Types.Options.CountOptionOneofCase.Subscription)
            return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, answers.Stopping.Token);
        var gone = new TaskCompletionSource();
        await using var registration = either.Token.Register(gone.SetResult);
        await gone.Task;
    }

    public override async Task<AppendResp> Append(
        IAsyncStreamReader<AppendReq> requestStream, ServerCallContext context)
    {
        answers.Take(context);
        var parts = new List<AppendReq>();
        await foreach (var part in requestStream.ReadAllAsync())
            parts.Add(part);
        answers.Singles.Add(parts);
        var revision = (ulong)answers.Singles.Count - 1;
        return new AppendResp
        {
            Success = new AppendResp.Types.Success
            {
                CurrentRevision = revision,
                Position = new AppendResp.Types.Position { CommitPosition = revision + 1, PreparePosition = revision + 1 },
            },
        };
    }

    public override async Task BatchAppend(
        IAsyncStreamReader<BatchAppendReq> requestStream,
        IServerStreamWriter<BatchAppendResp> responseStream,
        ServerCallContext context)
    {
        answers.Take(context);
        while (await requestStream.MoveNext(answers.Stopping.Token))
        {
            answers.Batches.Add(requestStream.Current);
            if (answers.OnBatch(answers.Batches.Count - 1, requestStream.Current) is { } response)
                await responseStream.WriteAsync(response);
        }
    }
}

internal sealed class FakeFeatures(FakeAnswers answers) : ServerFeatures.ServerFeaturesBase
{
    public override Task<SupportedMethods> GetSupportedMethods(Empty request, ServerCallContext context)
    {
        var supported = new SupportedMethods { EventStoreServerVersion = "23.10.6" };
        foreach (var method in answers.Methods)
        {
            supported.Methods.Add(new SupportedMethod
            {
                MethodName = method,
                ServiceName = "event_store.client.streams.streams",
            });
        }
        return Task.FromResult(supported);
    }
}

internal sealed class FakeGossip(FakeAnswers answers) : Gossip.GossipBase
{
    public override Task<ClusterInfo> Read(Empty request, ServerCallContext context) =>
        Task.FromResult(answers.Cluster);
}

using Matrix.EventSourced.Api;
using Matrix.EventSourced.Api.ClientApi.Ephemeral;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Federation.FederationApi;
using Matrix.EventSourced.Federation.FedSender;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Projections.FedSender;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Matrix.EventSourced.Protocol.State;
using Matrix.EventSourced.Simulation.Tests;
using MediatR;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.FederationSimulation.Tests;

/// <summary>One process of a server: the components that the host composes, over a log that may fail, tables in memory, and a
/// network that is simulated.</summary>
internal sealed class ServerProcess : IFederationTransport
{
    private static readonly Router Endpoints = new(Composition.FederationEndpoints());

    private readonly World _world;
    private readonly SimulatedNetwork _network;
    private readonly FedSenderSignals _signals;
    private readonly RetiredKeys _retired;
    private readonly DestinationGates _gates = new(FederationLimits.RequestsPerDestinationMax);
    private readonly int _number;
    private ServiceProvider? _services;
    private RequestPipeline? _pipeline;
    private int _requests;
    private bool _isFollowing;

    public ServerProcess(
        World world, SimulatedNetwork network, IEventStore log, ServerTables tables, ServerIdentity identity, RetiredKeys retired,
        long skewMs, int number)
    {
        (_world, _network, _number, Tables) = (world, network, number, tables);
        Log = new SimulatedLog(log, world.Random, DelayAsync) { Appended = Follow };
        Identity = identity;
        Clock = new SimulatedClock(world, skewMs, () => !IsDead);
        Problems = new ProblemLog(identity.Name.Value);
        _signals = new FedSenderSignals();
        Reads = new ReadSide(tables, Log, _signals);
        Edus = new EduReadSide(tables, Log, identity.Name);
        _retired = retired;
    }

    public ServerIdentity Identity { get; }

    public SimulatedLog Log { get; }

    public SimulatedClock Clock { get; }

    public ServerTables Tables { get; }

    public ReadSide Reads { get; }

    public EduReadSide Edus { get; }

    /// <summary>Whether it knows EDUs, or rooms only.</summary>
    public bool HasEdus { get; init; }

    /// <summary>Transactions that it has answered.</summary>
    public HashSet<(ServerName Origin, string Uri)> Taken { get; } = [];

    public ProblemLog Problems { get; }

    /// <summary>How often its projections and appends are slow.</summary>
    public int SlowPercent { get; set; }

    public bool IsDead
    {
        get => Log.IsDead;
        set => Log.IsDead = value;
    }

    public int ActiveRooms => Services.GetRequiredService<RoomWorkers>().ActiveCount;

    public RoomserverHealth Health => Services.GetRequiredService<RoomserverHealth>();

    /// <summary>One of its components.</summary>
    public T Find<T>()
        where T : notnull => Services.GetRequiredService<T>();

    private ServiceProvider Services => _services ??= Compose(_signals, _retired);

    private RequestPipeline Pipeline => _pipeline ??= new RequestPipeline(
        Endpoints,
        new RateLimiter(RateLimits.Off, Clock),
        null,
        Clock,
        new PipelineOptions(Cors: false, TrustedProxies.Loopback) { Servers = Services.GetRequiredService<ServerAuthenticator>() },
        Services.GetRequiredService<ILogger<RequestPipeline>>(),
        CancellationToken.None);

    public async Task StartAsync()
    {
        if (HasEdus)
            await Services.GetRequiredService<EduServerHost>().StartAsync(CancellationToken.None);
        await Services.GetRequiredService<FederationSender>().StartAsync(CancellationToken.None);
    }

    public CommandContext ContextOf(UserId user) => new(
        new FactActor(User: user.Value, Device: "DEVICE"), Clock.GetUtcNow().ToUnixTimeMilliseconds(), NextRequest());

    /// <summary>A client's command, as an endpoint sends it on.</summary>
    public Task<CommandResult<T>> SendAsync<T>(ICommand<T> command) => Services.GetRequiredService<IMediator>().Send(command);

    public ValueTask<bool> BackfillAsync(UserId user, RoomId roomId, int limit) =>
        Services.GetRequiredService<IBackfill>().FetchAsync(ContextOf(user), roomId, limit, CancellationToken.None);

    /// <summary>Answers another server's request as the federation listener does.</summary>
    public async Task<WireAnswer> AnswerAsync(WireRequest request)
    {
        var body = new MemoryStream();
        var http = new DefaultHttpContext { RequestServices = Services, TraceIdentifier = NextRequest() };
        http.Request.Method = request.Method;
        http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = request.Uri;
        if (request.Uri.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query)
            http.Request.QueryString = new QueryString(request.Uri[query..]);
        if (request.Authorization is not null)
            http.Request.Headers.Authorization = request.Authorization;
        http.Request.Body = new MemoryStream(request.Content.ToArray());
        http.Request.ContentLength = request.Content.Length;
        http.Response.Body = body;
        await Pipeline.HandleAsync(http);
        await http.Response.CompleteAsync();
        return new WireAnswer(http.Response.StatusCode, body.ToArray());
    }

    public async ValueTask<FederationAnswer> SendAsync(FederationRequest request, CancellationToken cancellationToken)
    {
        if (request.Destination == Identity.Name)
            return new FederationAnswer.Denied("that is this server itself");
        using var pass = await _gates.EnterAsync(request.Destination, CancellationToken.None);
        if (IsDead)
            return new FederationAnswer.Unreachable("this process is dead");
        var authorization = request.IsSigned
            ? new SignedRequest(request.Method, request.Uri, Identity.Name, request.Destination, request.Content)
                .Sign(Identity.Key).ToString()
            : null;
        var wire = new WireRequest(
            Identity.Name, request.Destination, request.Method, request.Uri, authorization, request.Content);
        var answer = await _network.SendAsync(this, wire, request.Timeout, request.BodyBytesMax);
        _world.Say($"{Identity.Name}.{_number} {wire.Method} {wire.Destination} {wire.Short} -> {Describe(answer)}");
        return answer;
    }

    private static string Describe(FederationAnswer answer) => answer switch
    {
        FederationAnswer.Answered { Status: 200, Body.Length: var length } => $"200, {length} bytes",
        FederationAnswer.Answered { Status: var status, Body: var body } =>
            $"{status} {System.Text.Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, 200)])}",
        _ => answer.ToString(),
    };

    private ServiceProvider Compose(FedSenderSignals signals, RetiredKeys retired)
    {
        var config = new HomeserverConfig
        {
            ServerName = Identity.Name,
            PresenceEnabled = true,
            Federation = new FederationConfig { Notaries = [SimulatedNotary.ServerName] },
        };
        var services = new ServiceCollection();
        services.AddSingleton<IEventStore>(Log);
        services.AddSingleton<TimeProvider>(Clock);
        services.AddSingleton<IRandom>(new WorldRandom(_world.Random));
        services.AddSingleton<ILoggerFactory>(Problems);
        services.AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        services.AddSingleton(Identity);
        services.AddSingleton(retired);
        services.AddMessaging();
        Composition.AddRoomserver(services);
        Composition.AddOutgoingFederation(services, config);
        Composition.AddFederationApi(services);
        if (HasEdus)
        {
            Composition.AddEduServer(services, config, Identity);
            services.AddSingleton<EduServerHost>();
            services.Replace(ServiceDescriptor.Singleton<IEduLookup>(Edus));
            services.AddSingleton<IToDeviceLookup>(Edus);
        }
        else
        {
            services.RemoveAll<IInboundEdu>();
        }
        // In the place of what PostgreSQL and the network are for.
        services.Replace(ServiceDescriptor.Singleton(signals));
        services.Replace(ServiceDescriptor.Singleton<IStateNodeStore>(Tables.Nodes));
        services.AddSingleton<IStateNodeReader>(Tables.Nodes);
        services.AddSingleton<IRoomserverQueries>(Reads);
        services.AddSingleton<IRoomGraphQueries>(Reads);
        services.Replace(ServiceDescriptor.Singleton<IJoinedHosts>(Reads));
        services.Replace(ServiceDescriptor.Singleton<IDeliveryQueue>(Reads));
        services.Replace(ServiceDescriptor.Singleton<IProfileLookup>(new NoSettings()));
        services.AddSingleton<IRoomSettings>(new NoSettings());
        services.Replace(ServiceDescriptor.Singleton<IRoomGuests>(new NoSettings()));
        services.Replace(ServiceDescriptor.Singleton<IFederationTransport>(this));
        return services.BuildServiceProvider();
    }

    private async ValueTask DelayAsync()
    {
        if (SlowPercent > 0 && _world.Chance(SlowPercent))
            await _world.WaitAsync(_world.Random.Next(2_000));
        else if (_world.Chance(20))
            await _world.WaitAsync(_world.Random.Next(5));
    }

    /// <summary>The log has grown: its followers come, some time.</summary>
    private void Follow()
    {
        if (_isFollowing)
            return;
        _isFollowing = true;
        var wait = _world.Chance(SlowPercent) ? _world.Random.Next(20_000) : _world.Random.Next(100);
        _world.After(TimeSpan.FromMilliseconds(wait), () => _world.Watch(FollowAsync()));
    }

    private async Task FollowAsync()
    {
        _isFollowing = false;
        if (IsDead)
            return;
        await Reads.FollowAsync(_world.Random);
        if (Tables.IsBehind)
            Follow();
    }

    private string NextRequest() => $"{Identity.Name}-{_number}-{++_requests}";

    private sealed class WorldRandom(Random random) : IRandom
    {
        public void Fill(Span<byte> destination) => random.NextBytes(destination);
    }

    /// <summary>Users without a name, and without wishes, none of whom is a guest.</summary>
    private sealed class NoSettings : IProfileLookup, IRoomSettings, IRoomGuests
    {
        public ValueTask<IReadOnlyList<UserId>> JoinedAsync(RoomId roomId) => new([]);

        public ValueTask<MemberProfile> FindAsync(UserId userId) => new(MemberProfile.Empty);

        public ValueTask<bool> BlocksInvitesAsync(UserId userId) => new(false);

        public ValueTask CarryOverAsync(UserId userId, RoomId from, RoomId to, CommandContext context) => ValueTask.CompletedTask;
    }
}

/// <summary>What a process had to say that no injected fault explains.</summary>
internal sealed class ProblemLog(string server) : ILoggerFactory, ILogger
{
    public List<string> Problems { get; } = [];

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(
        LogLevel logLevel,
        Microsoft.Extensions.Logging.EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (exception is EventStoreException || (exception is null && logLevel < LogLevel.Error))
            return;
        var message = formatter(state, exception);
        // What the FedSender says of its own storage is the injected fault's own sentence.
        if (exception is null && SimulatedLog.Sentences.Any(sentence => message.Contains(sentence, StringComparison.Ordinal)))
            return;
        Problems.Add($"{server}: {message} {exception}");
    }
}

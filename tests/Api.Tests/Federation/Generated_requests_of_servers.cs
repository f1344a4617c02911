using System.Globalization;
using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.Transport;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;
using Xunit.Abstractions;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Requests as no honest server makes them, from one seed. TEST_SEED replays another storm, TEST_RUNS says how
/// many requests it has.</summary>
public sealed class Generated_requests_of_servers(ITestOutputHelper output) : OneHostileServer, IDisposable
{
    private const int RequestsUsual = 1_500;

    private static readonly byte[][] Bodies =
    [
        [], "{}"u8.ToArray(), "[]"u8.ToArray(), "7"u8.ToArray(), "{"u8.ToArray(), "null"u8.ToArray(),
        [0xff, 0xfe, 0x00], [.. "{\"a\":\""u8, 0xc3, 0x28, .. "\"}"u8],
        "{\"pdus\":[{}],\"edus\":[{}]}"u8.ToArray(),
        "{\"pdus\":[{\"room_id\":\"!x:y\",\"hashes\":7,\"signatures\":[]}]}"u8.ToArray(),
        "{\"event\":{},\"room_version\":\"11\",\"invite_room_state\":[]}"u8.ToArray(),
        "{\"event\":{},\"room_version\":\"999\"}"u8.ToArray(),
        "{\"earliest_events\":[\"$x\"],\"latest_events\":[\"$y\"],\"limit\":-1,\"min_depth\":9007199254740991}"u8.ToArray(),
        "{\"earliest_events\":7,\"latest_events\":{}}"u8.ToArray(),
        "{\"a\":1,\"a\":2}"u8.ToArray(), "{\"depth\":1e400}"u8.ToArray(), "{\"depth\":-0.0}"u8.ToArray(),
        Encoding.UTF8.GetBytes("{\"event\":" + new string('[', 200) + new string(']', 200) + "}"),
        Encoding.UTF8.GetBytes("{\"type\":\"" + new string('x', 70_000) + "\"}"),
        "{\"membership\":\"join\",\"type\":\"m.room.member\",\"state_key\":\"@a:b\",\"sender\":\"@a:b\"}"u8.ToArray(),
    ];

    private static readonly string[] Queries =
    [
        string.Empty, "?event_id=%24x&v=%24x&limit=x", "?v=%24x&limit=5&ts=1&dir=f", "?ver=11&ver=12", "?ver=%00",
        "?room_alias=%23a&user_id=%40a", "?limit=99999999999999999999", "?%", "?a=%zz", "?event_id=%24" + Repeated,
        "?minimum_valid_until_ts=-1", "?since=%ff&limit=-5&third_party_instance_id=%00",
    ];

    private static readonly string[] PathTricks = ["/../", "/%2e%2e/", "//", "/%00", "/%2f", "/;x", "%", "/.%252e/"];

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        // Each server here has a certificate that it signed itself.
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
        RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
        AllowAutoRedirect = false,
        UseProxy = false,
    });


    private static string Repeated => new('a', 3_000);

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task are_answered_without_a_fault_and_change_nothing()
    {
        var seed = Setting("TEST_SEED", 1);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Seed {seed}; TEST_SEED replays another one."));
        var random = new Random(seed);
        var before = await Alice.StateAsync(Room);
        var endpoints = Composition.FederationEndpoints().Entries.Select(entry => entry.Spec).ToList();
        var statuses = new SortedDictionary<int, int>();
        for (var number = 0; number < Setting("TEST_RUNS", RequestsUsual); number++)
        {
            var spec = endpoints[random.Next(endpoints.Count)];
            var uri = UriOf(spec, random, number);
            var body = spec.Method == "GET" ? [] : Bodies[random.Next(Bodies.Length)];
            var forgery = (Forgery)random.Next(Enum.GetValues<Forgery>().Length);
            var status = await AskAsync(spec.Method, uri, body, forgery);
            statuses[status] = statuses.GetValueOrDefault(status) + 1;
            var said = $"Seed {seed}, #{number}: {forgery} {spec.Method} {uri}: {status}";
            Assert.True(status < 500 || IsOfAnother(spec, status), said);
            if (spec.Auth == AuthKind.Server && forgery != Forgery.None)
                Assert.True(status is 400 or 401 or 404 or 405 or 413, said);
        }
        output.WriteLine(string.Join(", ", statuses.Select(pair => $"{pair.Value} times {pair.Key}")));

        Assert.Equal(before, await Alice.StateAsync(Room));
        Assert.Equal(200, (await Ours.SendAsync("GET", "/health")).Status);
    }

    /// <summary>A notary that cannot reach the server it is asked about says so.</summary>
    private static bool IsOfAnother(EndpointSpec spec, int status) =>
        status == 502 && spec.Path.StartsWith("/_matrix/key/", StringComparison.Ordinal);

    private static int Setting(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : usual;

    private string UriOf(EndpointSpec spec, Random random, int number)
    {
        string[] rooms = [Room, "!x:y", "!", "\0", "!a/b:c", new string('!', 300), "!\ud83d\ude00:x", ".."];
        string[] events = ["$x", "$", "\u00e9", "$\u00e9", new string('$', 300), "../send"];
        string[] users = [Mallory.UserId, Alice.UserId, "@x", "@:", "@a:" + new string('b', 300), "%"];
        var path = string.Join('/', spec.Path.Split('/').Select(segment => segment switch
        {
            "{roomId}" => Uri.EscapeDataString(rooms[random.Next(rooms.Length)]),
            "{eventId}" => Uri.EscapeDataString(events[random.Next(events.Length)]),
            "{userId}" => Uri.EscapeDataString(users[random.Next(users.Length)]),
            "{txnId}" => $"g{number}",
            ['{', ..] => "other",
            _ => segment,
        }));
        if (random.Next(10) == 0)
            path = path.Insert(random.Next(1, path.Length), PathTricks[random.Next(PathTricks.Length)]);
        return path + Queries[random.Next(Queries.Length)];
    }

    private async Task<int> AskAsync(string method, string uri, byte[] body, Forgery forgery)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(method),
            new Uri($"https://{Us}{uri}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (method != "GET")
            request.Content = new ByteArrayContent(body);
        if (HeaderOf(method, uri, body, forgery) is { } header)
            request.Headers.TryAddWithoutValidation("Authorization", header);
        try
        {
            using var response = await _http.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            return (int)response.StatusCode;
        }
        catch (HttpRequestException problem) when (problem.InnerException is IOException && body.Length > 60_000)
        {
            // Refused before the body was read, and closed while it was still written.
            return 413;
        }
    }

    private string? HeaderOf(string method, string uri, byte[] body, Forgery forgery)
    {
        if (forgery == Forgery.NoHeader)
            return null;
        if (forgery == Forgery.Garbage)
            return "X-Matrix origin=\"" + new string('\\', 40) + ",key=,sig=\"\u00e9";
        var content = CanonicalJson.TryCanonicalise(body, out var canonical, out _) ? canonical : [];
        var origin = forgery == Forgery.AnotherOrigin ? ServerName.Parse("127.0.0.1:1") : Them.Name;
        var destination = forgery == Forgery.AnotherDestination ? ServerName.Parse("elsewhere.test") : Us;
        var key = forgery switch
        {
            Forgery.AnotherKey => ServerSigningKey.FromSeed(Them.Key.KeyId, new byte[32]),
            Forgery.UnknownKey => ServerSigningKey.FromSeed(KeyId.Parse("ed25519:none"), new byte[32]),
            _ => Them.Key,
        };
        var signedUri = forgery == Forgery.AnotherPath ? uri + "x" : uri;
        var signedContent = forgery == Forgery.AnotherContent ? "{\"signed\":true}"u8.ToArray() : content;
        try
        {
            return new SignedRequest(method, signedUri, origin, destination, signedContent).Sign(key).ToString();
        }
        catch (FormatException)
        {
            // What has no canonical form cannot be signed: it goes without.
            return null;
        }
    }

    private enum Forgery
    {
        None,
        NoHeader,
        Garbage,
        AnotherOrigin,
        AnotherDestination,
        AnotherKey,
        UnknownKey,
        AnotherPath,
        AnotherContent,
    }
}

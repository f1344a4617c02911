using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Matrix.EventSourced.Benchmarks.Load;

/// <summary>The users and rooms of a run, made when a workload first asks for them and shared by those after
/// it.</summary>
internal sealed class World(LoadOptions options, IPEndPoint address, CancellationToken cancellationToken) : IDisposable
{
    /// <summary>Registering hashes a password, which is meant to be slow: a few at a time.</summary>
    private const int RegistrationsAtOnce = 4;

    private const string Password = "load-driver-password";

    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly List<MatrixClient> _clients = [];
    private readonly Dictionary<string, Task<string>> _keyToRoom = [];
    private readonly Dictionary<(int, string), Task> _joined = [];

    public CancellationToken Cancellation => cancellationToken;

    public static ReadOnlyMemory<byte> Message { get; } =
        """
        {"msgtype":"m.text","body":"The quick brown fox jumps over the lazy dog, and the dog does not mind at all."}
        """u8.ToArray();

    /// <summary>The first users of the run; the missing ones are registered.</summary>
    public async Task<IReadOnlyList<MatrixClient>> UsersAsync(int count)
    {
        while (_clients.Count < count)
        {
            var batch = Enumerable.Range(_clients.Count, Math.Min(RegistrationsAtOnce, count - _clients.Count));
            _clients.AddRange(await Task.WhenAll(batch.Select(RegisterAsync)));
        }
        return _clients.GetRange(0, count);
    }

    /// <summary>Another connection of a user: a second device's worth of load without another registration.</summary>
    public MatrixClient Clone(MatrixClient user, CancellationToken stop) =>
        new(Connect(), stop) { Token = user.Token, UserId = user.UserId };

    /// <summary>The run's room of a name, made by its first user, joined by the first so many.</summary>
    public async Task<string> RoomAsync(string name, int members)
    {
        var users = await UsersAsync(members);
        if (!_keyToRoom.TryGetValue(name, out var making))
            _keyToRoom.Add(name, making = users[0].MakeRoomAsync("public_chat"));
        var roomId = await making;
        for (var n = 1; n < members; n++)
        {
            if (_joined.TryAdd((n, name), Task.CompletedTask))
            {
                var user = users[n];
                await MatrixClient.SetUpAsync(() => user.JoinAsync(roomId));
            }
        }
        return roomId;
    }

    /// <summary>Says that the first so many users are in a room already.</summary>
    public void NoteMembers(string name, string roomId, int members)
    {
        _keyToRoom[name] = Task.FromResult(roomId);
        for (var n = 1; n < members; n++)
            _joined.TryAdd((n, name), Task.CompletedTask);
    }

    /// <summary>A room of each of the first so many users.</summary>
    public async Task<IReadOnlyList<string>> OwnRoomsAsync(int count)
    {
        var users = await UsersAsync(count);
        var rooms = new string[count];
        for (var n = 0; n < count; n++)
        {
            var key = $"own {n.ToString(CultureInfo.InvariantCulture)}";
            if (!_keyToRoom.TryGetValue(key, out var making))
                _keyToRoom.Add(key, making = users[n].MakeRoomAsync("private_chat"));
            rooms[n] = await making;
        }
        return rooms;
    }

    /// <summary>A user that no workload has used before.</summary>
    public Task<MatrixClient> NewUserAsync(string name) => RegisterAsync(name);

    public void Dispose()
    {
        foreach (var client in _clients)
            client.Dispose();
    }

    private HttpConnection Connect() => new(address, options.Url.Authority);

    private Task<MatrixClient> RegisterAsync(int number) =>
        RegisterAsync(number.ToString(CultureInfo.InvariantCulture));

    private async Task<MatrixClient> RegisterAsync(string name)
    {
        var client = new MatrixClient(Connect(), cancellationToken);
        var user = $"load-{_run}-{name}";
        var answer = options.SharedSecret is { } secret
            ? await RegisterBySecretAsync(client, user, secret)
            : await RegisterByUiaAsync(client, user);
        client.Token = MatrixClient.Member(answer, "access_token");
        client.UserId = MatrixClient.Member(answer, "user_id");
        return client;
    }

    private static async Task<HttpAnswer> RegisterBySecretAsync(MatrixClient client, string user, string secret)
    {
        const string Path = "/_synapse/admin/v1/register";
        var nonce = MatrixClient.Member(await MatrixClient.SetUpAsync(() => client.GetAsync(Path)), "nonce");
        var mac = Convert.ToHexStringLower(HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{nonce}\0{user}\0{Password}\0notadmin")));
        var body = Encoding.UTF8.GetBytes(
            $$"""
            {"nonce":"{{nonce}}","username":"{{user}}","password":"{{Password}}","admin":false,"mac":"{{mac}}"}
            """);
        return await MatrixClient.SetUpAsync(() => client.PostAsync(Path, body));
    }

    private async Task<HttpAnswer> RegisterByUiaAsync(MatrixClient client, string user)
    {
        const string Path = "/_matrix/client/v3/register";
        var first = await client.PostAsync(Path, Body(null));
        if (first.IsSuccess)
            return first;
        if (first.Status != 401)
            throw new LoadException($"The server answered {first.Status}: {Encoding.UTF8.GetString(first.Body.Span)}");
        var session = MatrixClient.FindMember(first, "session");
        return await MatrixClient.SetUpAsync(() => client.PostAsync(Path, Body(session)));

        byte[] Body(string? session)
        {
            var stage = options.RegistrationToken is { } token
                ? $"\"type\":\"m.login.registration_token\",\"token\":\"{token}\""
                : "\"type\":\"m.login.dummy\"";
            var auth = session is null ? "" : $",\"auth\":{{{stage},\"session\":\"{session}\"}}";
            return Encoding.UTF8.GetBytes($"{{\"username\":\"{user}\",\"password\":\"{Password}\"{auth}}}");
        }
    }
}

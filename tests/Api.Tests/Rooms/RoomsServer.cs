using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Rooms;

/// <summary>One homeserver and three users for the room endpoints; each test makes rooms of its own.</summary>
public sealed class RoomsServer : IAsyncLifetime
{
    private TestHomeserver? _server;

    public TestHomeserver Server => _server!;

    public TestUser Alice { get; private set; } = null!;

    public TestUser Bob { get; private set; } = null!;

    public TestUser Carol { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _server = await TestHomeserver.StartAsync();
        Alice = await Server.RegisterAsync("alice");
        Bob = await Server.RegisterAsync("bob");
        Carol = await Server.RegisterAsync("carol");
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    public static string Path(string roomId, string rest) => $"rooms/{Uri.EscapeDataString(roomId)}/{rest}";
}

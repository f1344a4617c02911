using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Our server with Alice, and one with Mallory whose key the test has; both are in a public room of version
/// 11.</summary>
public abstract class OneHostileServer : IAsyncLifetime
{
    private TestHomeserver _theirs = null!;

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
}

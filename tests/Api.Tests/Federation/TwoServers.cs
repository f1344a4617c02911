using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Two real servers on loopback, with a user each.</summary>
public abstract class TwoServers : IAsyncLifetime
{
    /// <summary>What the first server asks of others.</summary>
    protected Interception FromFirst { get; } = new();

    /// <summary>What the second server asks of others.</summary>
    protected Interception FromSecond { get; } = new();

    protected TestHomeserver First { get; private set; } = null!;

    protected TestHomeserver Second { get; private set; } = null!;

    /// <summary>A user of the first server.</summary>
    protected TestUser Alice { get; private set; } = null!;

    /// <summary>A user of the second server.</summary>
    protected TestUser Bob { get; private set; } = null!;

    public virtual async Task InitializeAsync()
    {
        First = await FederatingServers.StartAsync(FromFirst);
        Second = await FederatingServers.StartAsync(FromSecond);
        Alice = await First.RegisterAsync("alice");
        Bob = await Second.RegisterAsync("bob");
    }

    public virtual async Task DisposeAsync()
    {
        await First.DisposeAsync();
        await Second.DisposeAsync();
    }

    protected static string ServerOf(TestUser user) =>
        user.UserId[(user.UserId.IndexOf(':', StringComparison.Ordinal) + 1)..];

    protected static string Escaped(string text) => Uri.EscapeDataString(text);
}

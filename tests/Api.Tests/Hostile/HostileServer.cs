using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>
/// Alice and Bob with a room of their own, a room that everybody may join, and Mallory, who sends the bad requests.
/// </summary>
public sealed class HostileServer : IAsyncLifetime
{
    private int _logins;

    public TestHomeserver Server { get; private set; } = null!;

    public TestUser Alice { get; private set; } = null!;

    public TestUser Bob { get; private set; } = null!;

    public TestUser Mallory { get; private set; } = null!;

    /// <summary>Alice's and Bob's: Mallory has never been in it.</summary>
    public string PrivateRoom { get; private set; } = "";

    /// <summary>Alice's; Mallory is in it, with no power.</summary>
    public string Commons { get; private set; } = "";

    /// <summary>Mallory's own.</summary>
    public string Lair { get; private set; } = "";

    public string LairEvent { get; private set; } = "";

    public string PrivateEvent { get; private set; } = "";

    public async Task InitializeAsync()
    {
        // With the OAuth API, so that its pages are asked too.
        Server = await TestHomeserver.StartAsync(new TestHomeserverOptions
        {
            Configure = config => config with { OAuth = config.OAuth with { Mode = OAuthMode.On } },
        });
        Alice = await Server.RegisterAsync("alice");
        Bob = await Server.RegisterAsync("bob");
        Mallory = await Server.RegisterAsync("mallory");
        PrivateRoom = await Alice.CreateRoomAsync($$"""{"name":"Private","invite":["{{Bob.UserId}}"]}""");
        await Bob.JoinAsync(PrivateRoom);
        PrivateEvent = await Alice.SendTextAsync(PrivateRoom, "secret");
        Commons = await Alice.CreateRoomAsync(
            """{"preset":"public_chat","name":"Commons","room_alias_name":"commons"}""");
        await Mallory.JoinAsync(Commons);
        await RenewLairAsync();
    }

    public Task DisposeAsync() => Server.DisposeAsync().AsTask();

    /// <summary>Another room of Mallory, who may have locked herself out of the last one.</summary>
    public async Task RenewLairAsync()
    {
        Lair = await Mallory.CreateRoomAsync("""{"preset":"public_chat","name":"Lair"}""");
        LairEvent = await Mallory.SendTextAsync(Lair, "mine");
    }

    /// <summary>A new session of Mallory, whose last one her own requests may have ended.</summary>
    public async Task<TestUser> LoginMalloryAsync()
    {
        var device = string.Create(CultureInfo.InvariantCulture, $"M{++_logins}");
        var reply = await Server.SendAsync(
            "POST",
            "login",
            token: null,
            $$"""
            {"type":"m.login.password","identifier":{"type":"m.id.user","user":"mallory"},"password":"secret",
             "device_id":"{{device}}"}
            """);
        var body = reply.Ok();
        return Mallory = new TestUser(Server, body.Text("user_id"), body.Text("access_token"), body.Text("device_id"));
    }

    /// <summary>All that nobody but Alice and Bob may change, in one text.</summary>
    public async Task<string> WhatMalloryCannotChangeAsync()
    {
        var parts = new List<string>
        {
            (await Alice.GetAsync($"rooms/{Uri.EscapeDataString(PrivateRoom)}/state")).Text,
            (await Alice.GetAsync($"rooms/{Uri.EscapeDataString(PrivateRoom)}/messages?dir=f&limit=1000")).Text,
            (await Alice.GetAsync("profile/" + Alice.UserId)).Text,
            (await Bob.GetAsync("profile/" + Bob.UserId)).Text,
            (await Alice.GetAsync("directory/room/%23commons%3Ahs")).Text,
            (await Alice.GetAsync("devices")).Text.Length.ToString(CultureInfo.InvariantCulture),
            (await Alice.GetAsync($"user/{Alice.UserId}/account_data/org.example.none")).Text,
            (await Bob.GetAsync("joined_rooms")).Text,
        };
        var commons = (await Alice.GetAsync($"rooms/{Uri.EscapeDataString(Commons)}/state")).Ok();
        parts.AddRange(commons.EnumerateArray()
            .Where(entry => entry.Text("sender") == Alice.UserId)
            .Select(entry => entry.Text("event_id") + entry.GetProperty("content").GetRawText())
            .Order(StringComparer.Ordinal));
        return Regex.Replace(string.Join('\n', parts), "\"age\":\\d+", "\"age\":0");
    }
}

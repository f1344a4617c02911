using System.Text.Json;
using Matrix.EventSourced.Commands.EduServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Kit.Hosting;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.EventSourced.Api.Tests.Federation;

/// <summary>Messages to devices of another real server's users.</summary>
public sealed class To_device_between_servers : TwoServers
{
    [Fact]
    public async Task arrive_in_order_without_a_room_that_is_shared()
    {
        var seen = new List<int>();
        for (var n = 1; n <= 3; n++)
            (await SendAsync(n, Bob.DeviceId)).Ok();
        // Again: the same transaction.
        (await SendAsync(1, Bob.DeviceId)).Ok();
        (await SendAsync(4, "*")).Ok();

        await Bob.SeesAsync(
            sync =>
            {
                foreach (var message in Messages(sync))
                {
                    Assert.Equal(Alice.UserId, message.Text("sender"));
                    seen.Add(message.GetProperty("content").GetProperty("n").GetInt32());
                }
                return seen.Count > 0 && seen[^1] == 4;
            },
            "no message");
        Assert.Equal([1, 2, 3, 4], seen);
    }

    [Fact]
    public async Task are_taken_once_and_from_their_own_server_only()
    {
        var intake = Second.Services.GetRequiredService<IToDeviceForFederationApi>();
        var alice = UserId.Parse(Alice.UserId);
        var context = new CommandContext(new FactActor(Server: alice.Server.Value), 1_767_225_600_000, "edu");
        ToDeviceRecipient[] recipients =
            [new(UserId.Parse(Bob.UserId), [new DeviceMessage("*", RawJson.FromText("{}"))])];

        Assert.Null(await intake.ReceiveAsync(alice.Server, alice, "m.test", "id", recipients, context));
        Assert.Null(await intake.ReceiveAsync(alice.Server, alice, "m.test", "id", recipients, context));
        Assert.Equal(
            "M_FORBIDDEN",
            (await intake.ReceiveAsync(
                ServerName.Parse("other.org"), alice, "m.test", "x", recipients, context))!.ErrCode);
        Assert.Single(Messages(await Bob.SyncAsync()));
    }

    private Task<Reply> SendAsync(int n, string device) => Alice.PutAsync(
        $"sendToDevice/m.test/t{n}",
        $$$"""{"messages":{"{{{Bob.UserId}}}":{"{{{device}}}":{"n":{{{n}}} } } } }""");

    private static List<JsonElement> Messages(JsonElement sync) =>
        [.. sync.GetProperty("to_device").GetProperty("events").EnumerateArray()];
}

using System.Text.Json;
using Matrix.EventSourced.Api.Tests.Account;
using Matrix.EventSourced.Kit.Hosting;
using static Matrix.EventSourced.Api.Tests.MediaApi.MediaCalls;

namespace Matrix.EventSourced.Api.Tests.MediaApi;

/// <summary>Guests look, and users who were suspended do too; neither uploads.</summary>
/// <remarks>Spec: v1.19 client-server-api #guest-access, #account-suspension.</remarks>
public sealed class Who_may_use_media(Who_may_use_media.Guests world) : IClassFixture<Who_may_use_media.Guests>
{
    public sealed class Guests() : MediaServer(config => config with { GuestsAllowed = true });

    [Fact]
    public async Task guests_only_look()
    {
        var image = await PutAsync(world.Server, world.Alice, TestImages.Png(50, 50), "image/png");
        var made = (await world.Server.SendAsync("POST", "register?kind=guest", null, "{}")).Ok();
        var guest = new TestUser(world.Server, made.Text("user_id"), made.Text("access_token"), made.Text("device_id"));
        (await GetAsync(world.Server, Download(image), guest.Token)).Is(200);
        (await GetAsync(world.Server, Download(image, "/n.png"), guest.Token)).Is(200);
        (await GetAsync(world.Server, Thumbnail(image, "width=32&height=32"), guest.Token)).Is(200);
        (await UploadAsync(world.Server, guest, [1])).Refused(403, "M_GUEST_ACCESS_FORBIDDEN");
        (await guest.PostAsync("/_matrix/media/v1/create")).Refused(403, "M_GUEST_ACCESS_FORBIDDEN");
    }

    [Fact]
    public async Task who_is_suspended_only_looks()
    {
        var admin = await Administrators.RegisterAsync(world.Server, "root");
        var bob = await world.Server.RegisterAsync("bob");
        var uri = await PutAsync(world.Server, bob, [1]);
        var created = await CreateAsync(bob);
        (await admin.PutAsync($"/_matrix/client/v1/admin/suspend/{bob.UserId}", """{"suspended":true}""")).Ok();
        (await GetAsync(world.Server, Download(uri), bob.Token)).Is(200);
        (await UploadAsync(world.Server, bob, [1])).Refused(403, "M_USER_SUSPENDED");
        (await UploadAsync(world.Server, bob, [1], target: Upload(created))).Refused(403, "M_USER_SUSPENDED");
        (await bob.PostAsync("/_matrix/media/v1/create")).Refused(403, "M_USER_SUSPENDED");
        Assert.Equal(JsonValueKind.Object, (await bob.GetAsync("/_matrix/client/v1/media/config")).Ok().ValueKind);
    }
}

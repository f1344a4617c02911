using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Registration_nonces
{
    private readonly FakeTimeProvider _time = new();
    private readonly RegistrationNonces _nonces;

    public Registration_nonces() => _nonces = new RegistrationNonces(_time, new CountingRandom());

    [Fact]
    public void are_good_once()
    {
        var nonce = _nonces.Create();
        Assert.True(_nonces.TryUse(nonce));
        Assert.False(_nonces.TryUse(nonce));
        Assert.False(_nonces.TryUse("never given"));
    }

    [Fact]
    public void expire()
    {
        var nonce = _nonces.Create();
        _time.Advance(RegistrationNonces.Lifetime);
        Assert.False(_nonces.TryUse(nonce));
    }

    [Fact]
    public void are_bounded()
    {
        var first = _nonces.Create();
        for (var i = 0; i < Limits.RegistrationNoncesMax; i++)
            _nonces.Create();
        Assert.False(_nonces.TryUse(first));
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, "bot")]
    public void the_signature_covers_every_part(bool isAdmin, string? userType)
    {
        var text = "n\0alice\0pässword\0" + (
            isAdmin ? "admin" : "notadmin") + (userType is null ? "" : "\0" + userType);
#pragma warning disable CA5350 // The scheme is HMAC-SHA1.
        var mac = Convert.ToHexString(HMACSHA1.HashData("secret"u8, Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350

        Assert.True(RegistrationNonces.IsSignedBy("secret", "n", "alice", "pässword", isAdmin, userType, mac));
        Assert.True(RegistrationNonces.IsSignedBy(
            "secret", "n", "alice", "pässword", isAdmin, userType, mac.ToLowerInvariant()));
        Assert.False(RegistrationNonces.IsSignedBy("secret", "n", "alice", "pässword", !isAdmin, userType, mac));
        Assert.False(RegistrationNonces.IsSignedBy("other", "n", "alice", "pässword", isAdmin, userType, mac));
        Assert.False(RegistrationNonces.IsSignedBy("secret", "n", "alicf", "pässword", isAdmin, userType, mac));
        Assert.False(RegistrationNonces.IsSignedBy("secret", "n", "alice", "pässword", isAdmin, "other", mac));
        Assert.False(RegistrationNonces.IsSignedBy("secret", "n", "alice", "pässword", isAdmin, userType, "no mac"));
    }
}

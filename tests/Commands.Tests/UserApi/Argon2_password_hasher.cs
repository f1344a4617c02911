using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Passwords;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Argon2_password_hasher
{
    private static readonly PasswordHashing Cheap = new(8, 1, 1);

    [Fact]
    public async Task verifies_what_it_hashed()
    {
        using var hasher = new Argon2PasswordHasher(Cheap, new SystemRandom());
        var hash = await hasher.HashAsync("correct horse ü");
        Assert.StartsWith("$argon2id$v=19$m=8,t=1,p=1$", hash);
        Assert.True(await hasher.VerifyAsync("correct horse ü", hash));
        Assert.False(await hasher.VerifyAsync("correct horse u", hash));
    }

    [Fact]
    public async Task salts_each_hash()
    {
        using var hasher = new Argon2PasswordHasher(Cheap, new SystemRandom());
        Assert.NotEqual(await hasher.HashAsync("same"), await hasher.HashAsync("same"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("$2b$12$something")]
    public async Task never_verifies_what_is_no_hash(string? hash)
    {
        using var hasher = new Argon2PasswordHasher(Cheap, new SystemRandom());
        Assert.False(await hasher.VerifyAsync("", hash));
    }

    [Fact]
    public async Task verifies_hashes_of_another_cost()
    {
        using var earlier = new Argon2PasswordHasher(new PasswordHashing(16, 2, 1), new SystemRandom());
        using var now = new Argon2PasswordHasher(Cheap, new SystemRandom());
        Assert.True(await now.VerifyAsync("secret", await earlier.HashAsync("secret")));
    }
}

using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Commands.Messaging;

namespace Matrix.EventSourced.Api.Tests.Hosting;

public sealed class SigningKeyFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("key-").FullName;

    private string KeyFile => Path.Combine(_folder, "signing.key");

    [Fact]
    public void makes_a_key_once_that_only_its_owner_can_read()
    {
        var made = SigningKeyFile.LoadOrMake(KeyFile, new SystemRandom());
        var read = SigningKeyFile.LoadOrMake(KeyFile, new SystemRandom());
        Assert.Equal(made.KeyId, read.KeyId);
        Assert.Equal(made.PublicKeyBase64, read.PublicKeyBase64);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
    }

    [Fact]
    public void reads_the_key_of_the_spec()
    {
        // Spec: v1.19 appendices #signing-json (test vectors).
        var key = SigningKeyFile.Parse("ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1\n")!;
        Assert.Equal("ed25519:1", key.KeyId.Value);
        Assert.Equal("XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI", key.PublicKeyBase64);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ed25519 1")]
    [InlineData("ed25519 1 AAAA")]
    [InlineData("ed25519 1 not-base64!")]
    [InlineData("rsa 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")]
    [InlineData("ed25519 a-b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")]
    public void refuses_a_file_that_is_no_key(string text)
    {
        File.WriteAllText(KeyFile, text);
        Assert.Throws<StartException>(() => SigningKeyFile.LoadOrMake(KeyFile, new SystemRandom()));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

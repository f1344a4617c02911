using Matrix.EventSourced.Api.AppService;
using Matrix.EventSourced.Api.Hosting;
using Matrix.EventSourced.Protocol.AppServices;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Tests.AppService;

public sealed class Registration_files : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mes-registrations-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void are_read_from_a_folder_and_from_a_list()
    {
        Write("b.yaml", BridgedServer.Registration(
            "http://127.0.0.1:1234/path/", "rate_limited: false\nreceive_ephemeral: true\nprotocols: [irc, xmpp]"));
        Write("a.yml", BridgedServer.Registration("null").Replace("irc\n", "other\n", StringComparison.Ordinal)
            .Replace("as-secret", "other-secret", StringComparison.Ordinal));
        Write("notes.txt", "not a registration");
        var elsewhere = Write("elsewhere.reg", BridgedServer.Registration("https://bridge.example.org")
            .Replace("irc\n", "third\n", StringComparison.Ordinal).Replace("as-secret", "third-secret", StringComparison.Ordinal));

        var services = Load(elsewhere);
        Assert.Equal(["irc", "other", "third"], services.All.Select(service => service.Id));
        var irc = services.Find("irc")!;
        Assert.Equal("http://127.0.0.1:1234/path", irc.Url);
        Assert.Equal("@_irc_bot:hs", irc.Sender.Value);
        Assert.False(irc.IsRateLimited);
        Assert.True(irc.ReceivesEphemeral);
        Assert.Equal("irc xmpp", string.Join(' ', irc.Protocols));
        Assert.True(irc.OwnsUser(UserId.Parse("@_irc_x:hs")));
        Assert.Null(services.Find("other")!.Url);
        Assert.True(services.Find("other")!.IsRateLimited);
        Assert.False(services.Find("other")!.ReceivesEphemeral);
    }

    [Fact]
    public void need_not_be_there() => Assert.True(RegistrationFiles.Load(
        Path.Combine(_folder, "none"), [], ServerName.Parse("hs")).IsEmpty);

    [Fact]
    public void of_two_with_the_same_id_or_token_both_are_named()
    {
        Write("a.yaml", BridgedServer.Registration("null"));
        Write("b.yaml", BridgedServer.Registration("null"));
        var problems = Problems();
        Assert.Equal($"{_folder}/b.yaml:1: id: {_folder}/a.yaml has the same; each application service needs its own.", problems[0]);
        Assert.Equal($"{_folder}/b.yaml:3: as_token: {_folder}/a.yaml has the same; each application service needs its own.", problems[1]);
    }

    [Theory]
    [InlineData("id: irc\n", "", ":1: id is missing.")]
    [InlineData("hs_token: hs-secret\n", "hs_token: []\n", ":4: hs_token: a text is expected.")]
    [InlineData("url: null\n", "", ":1: url is missing; write 'url: null' where the service wants no traffic.")]
    [InlineData("url: null\n", "url: ftp://x\n", ":2: url: an http or https address without a query is expected, or null.")]
    [InlineData("@_irc_.*", "@(_irc_", ":9: namespaces.users: '@(_irc_' cannot be used:")]
    [InlineData("@_irc_.*", "@(?!x).*", ":9: namespaces.users: '@(?!x).*' cannot be used: look-around")]
    [InlineData("exclusive: true", "exclusive: perhaps", ":8: exclusive: true or false is expected.")]
    [InlineData("- exclusive: true\n      ", "- ", ":8: exclusive is missing.")]
    [InlineData("sender_localpart: _irc_bot\n", "sender_localpart: \"\"\n", ":5: sender_localpart: a text is expected.")]
    [InlineData("sender_localpart: _irc_bot\n", "sender_localpart: _irc_bot\nrate_limited: 7\n", ":6: rate_limited: true or false is expected.")]
    [InlineData("sender_localpart: _irc_bot\n", "sender_localpart: _irc_bot\nprotocols: irc\n", ":6: protocols: a list of names is expected.")]
    [InlineData("namespaces:\n", "spaces:\n", ":1: namespaces is missing.")]
    [InlineData("id: irc\n", "id: [\n", ":1: this is not YAML.")]
    public void that_are_wrong_are_named_with_their_line(string text, string instead, string problem)
    {
        var right = BridgedServer.Registration("null").Replace("\n\n", "\n", StringComparison.Ordinal);
        Assert.Contains(text, right, StringComparison.Ordinal);
        var at = right.IndexOf(text, StringComparison.Ordinal);
        Write("a.yaml", right[..at] + instead + right[(at + text.Length)..]);
        Assert.Contains(problem, Problems()[0], StringComparison.Ordinal);
        Assert.StartsWith($"{_folder}/a.yaml:", Problems()[0], StringComparison.Ordinal);
    }

    private AppserviceSet Load(params string[] files) => RegistrationFiles.Load(_folder, files, ServerName.Parse("hs"));

    private string[] Problems() => Assert.Throws<StartException>(() => Load()).Message.Split('\n');

    private string Write(string name, string text)
    {
        var file = Path.Combine(_folder, name);
        File.WriteAllText(file, text);
        return file;
    }
}

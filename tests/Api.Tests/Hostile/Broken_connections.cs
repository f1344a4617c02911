using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Matrix.EventSourced.Kit.Hosting;

namespace Matrix.EventSourced.Api.Tests.Hostile;

/// <summary>Connections that end, or go wrong, in the middle of a request.</summary>
public sealed class Broken_connections(HostileServer world) : IClassFixture<HostileServer>
{
    private string Send => $"PUT /_matrix/client/v3/rooms/{Uri.EscapeDataString(world.Lair)}/send/m.room.message/b HTTP/1.1\r\n"
        + $"Host: hs\r\nAuthorization: Bearer {world.Mallory.Token}\r\n";

    [Fact]
    public async Task cut_short_harm_nothing()
    {
        var before = await HistoryAsync();
        var whole = Send + "Content-Length: 12\r\n\r\n{\"body\":\"b\"}";
        for (var length = 1; length < whole.Length; length += 7)
            await ExchangeAsync(whole[..length]);
        await ExchangeAsync(Send + "Content-Length: 1000000\r\n\r\n{\"body\":");

        Assert.Equal(before, await HistoryAsync());
        await AssertHealthyAsync();
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")]
    [InlineData("Content-Length: -1\r\n\r\n{}")]
    [InlineData("Content-Length: 99999999999999999999\r\n\r\n{}")]
    [InlineData("Content-Length: 1000000000\r\n\r\n{}")]
    [InlineData("Bad Header\r\n\r\n")]
    public async Task with_bad_framing_are_refused(string rest)
    {
        var before = await HistoryAsync();
        var answer = await ExchangeAsync(Send + rest, hangUp: false);

        Assert.Matches("^HTTP/1.1 4[0-9][0-9] ", answer);
        Assert.Equal(before, await HistoryAsync());
        await AssertHealthyAsync();
    }

    [Fact]
    public async Task with_anything_but_http_are_refused()
    {
        var random = new Random(1);
        for (var i = 0; i < 100; i++)
        {
            var noise = new byte[random.Next(1, 2000)];
            random.NextBytes(noise);
            var answer = await ExchangeAsync(Encoding.Latin1.GetString(noise));
            Assert.Matches("^(HTTP/1.1 4[0-9][0-9] |$)", answer);
        }
        await AssertHealthyAsync();
    }

    [Fact]
    public async Task that_repeat_headers_are_answered_by_the_first_token()
    {
        var answer = await ExchangeAsync(
            "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer nope\r\n"
            + $"Authorization: Bearer {world.Mallory.Token}\r\n\r\n",
            hangUp: false);
        Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
    }

    /// <summary>Writes, and reads what is answered.</summary>
    /// <remarks>
    /// Who hangs up after writing may get no answer, and is waited for until the server hangs up too; who does not gets
    /// at least the head of one.
    /// </remarks>
    private async Task<string> ExchangeAsync(string text, bool hangUp = true)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var connection = new TcpClient();
        await connection.ConnectAsync(world.Server.Address.Host, world.Server.Address.Port, patience.Token);
        var stream = connection.GetStream();
        var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(text), patience.Token);
            if (hangUp)
                connection.Client.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            int length;
            while ((length = await stream.ReadAsync(buffer, patience.Token)) > 0)
            {
                answer.Write(buffer, 0, length);
                if (!hangUp && answer.ToArray().AsSpan().IndexOf("\r\n\r\n"u8) >= 0)
                    break;
            }
        }
        catch (IOException)
        {
            // It may hang up before all was written or read.
        }
        return Encoding.Latin1.GetString(answer.ToArray());
    }

    private async Task<string> HistoryAsync()
    {
        var path = string.Create(
            CultureInfo.InvariantCulture, $"rooms/{Uri.EscapeDataString(world.Lair)}/messages?dir=b&limit=100");
        var chunk = (await world.Mallory.GetAsync(path)).Ok().GetProperty("chunk");
        return string.Join('\n', chunk.EnumerateArray().Select(entry => entry.Text("event_id")));
    }

    private async Task AssertHealthyAsync()
    {
        var health = await world.Server.SendAsync("GET", "/health");
        Assert.True(health.Status == 200, health.Text);
    }
}

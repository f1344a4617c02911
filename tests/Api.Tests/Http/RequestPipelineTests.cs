using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Api.Tests.Http;

public sealed class RequestPipelineTests
{
    private static readonly EndpointSpec Open = new("GET", "/open", AuthKind.None, RateClass.None, "x#y");
    private static readonly EndpointSpec Closed = new("GET", "/closed", AuthKind.AccessToken, RateClass.None, "x#y");

    [Fact]
    public async Task sends_cors_headers_and_json_on_every_answer()
    {
        await using var host = await StartAsync();
        foreach (var target in (string[])["/open", "/closed", "/unknown", "/throws"])
        {
            var (_, _, response) = await host.SendAsync("GET", target);
            Assert.Equal("*", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
            Assert.Contains(
                "Authorization", response.Headers.GetValues("Access-Control-Allow-Headers").Single(
                    ), StringComparison.Ordinal);
            Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
            Assert.NotNull(response.Content.Headers.ContentLength);
            Assert.False(response.Headers.Contains("Server"));
        }
    }

    [Fact]
    public async Task answers_options_without_running_anything()
    {
        await using var host = await StartAsync();
        foreach (var target in (string[])["/open", "/closed", "/throws", "/unknown"])
        {
            var (status, body, response) = await host.SendAsync("OPTIONS", target);
            Assert.Equal(204, status);
            Assert.Equal(string.Empty, body);
            Assert.Equal("*", response.Headers.GetValues("Access-Control-Allow-Origin").Single());
        }
    }

    [Theory]
    [InlineData("GET", "/unknown", null, 404, "M_UNRECOGNIZED")]
    [InlineData("POST", "/open", null, 405, "M_UNRECOGNIZED")]
    [InlineData("GET", "/named/%C3%28", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "/open?a=%00", null, 400, "M_INVALID_PARAM")]
    [InlineData("GET", "/closed", null, 401, "M_MISSING_TOKEN")]
    [InlineData("GET", "/closed", "", 401, "M_MISSING_TOKEN")]
    [InlineData("GET", "/closed", "nobody", 401, "M_UNKNOWN_TOKEN")]
    [InlineData("GET", "/closed?access_token=nobody", null, 401, "M_UNKNOWN_TOKEN")]
    [InlineData("GET", "/closed", "guest", 403, "M_GUEST_ACCESS_FORBIDDEN")]
    [InlineData("GET", "/optional", "nobody", 401, "M_UNKNOWN_TOKEN")]
    [InlineData("GET", "/throws", null, 500, "M_UNKNOWN")]
    public async Task refuses_in_the_terms_of_the_spec(
        string method, string target, string? token, int status, string errcode)
    {
        await using var host = await StartAsync();
        var answer = await host.SendAsync(method, target, token);
        Assert.Equal(status, answer.Status);
        Assert.Equal(errcode, JsonElement.Parse(answer.Body).GetProperty("errcode").GetString());
    }

    [Theory]
    [InlineData("/closed", "user", "@user:hs")]
    [InlineData("/closed?access_token=user", null, "@user:hs")]
    [InlineData("/guests", "guest", "@guest:hs")]
    [InlineData("/optional", "user", "@user:hs")]
    [InlineData("/optional", null, "nobody")]
    [InlineData("/named/a%2Fb", null, "a/b")]
    public async Task runs_the_handler(string target, string? token, string expected)
    {
        await using var host = await StartAsync();
        var answer = await host.SendAsync("GET", target, token);
        Assert.Equal(200, answer.Status);
        Assert.Equal(expected, JsonElement.Parse(answer.Body).GetProperty("who").GetString());
    }

    [Fact]
    public async Task answers_head_with_the_length_and_no_body()
    {
        await using var host = await StartAsync();
        var answer = await host.SendAsync("HEAD", "/open");
        Assert.Equal(200, answer.Status);
        Assert.Equal(string.Empty, answer.Body);
        Assert.Equal(16, answer.Response.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task limits_each_user_and_each_address_on_its_own()
    {
        var limits = new RateLimits(true, new Dictionary<RateClass, RateLimit> { [RateClass.Message] = new(0.5, 2) });
        await using var host = await StartAsync(limits);
        for (var i = 0; i < 2; i++)
            Assert.Equal(200, (await host.SendAsync("GET", "/limited", "user")).Status);

        var limited = await host.SendAsync("GET", "/limited", "user");
        Assert.Equal(429, limited.Status);
        Assert.Equal("2", limited.Response.Headers.GetValues("Retry-After").Single());
        var body = JsonElement.Parse(limited.Body);
        Assert.Equal("M_LIMIT_EXCEEDED", body.GetProperty("errcode").GetString());
        Assert.Equal(2000, body.GetProperty("retry_after_ms").GetInt64());
        Assert.Equal(200, (await host.SendAsync("GET", "/limited", "other")).Status);
        Assert.Equal(200, (await host.SendAsync("GET", "/limited")).Status);

        host.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(200, (await host.SendAsync("GET", "/limited", "user")).Status);
    }

    [Theory]
    [InlineData("{}", 200)]
    [InlineData("[]", 400)]
    [InlineData("{\"a\":\"0123456789012345678901234567890123456789\"}", 413)]
    public async Task reads_bodies_up_to_the_limit(string body, int status)
    {
        await using var host = await StartAsync();
        Assert.Equal(status, (await host.SendAsync("POST", "/body", body: Encoding.UTF8.GetBytes(body))).Status);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "200")]
    [InlineData(
        "Transfer-Encoding: chunked\r\n\r\n2a\r\n{\"a\":\"0123456789012345678901234567890123\"}\r\n0\r\n\r\n", "413")]
    public async Task reads_chunked_bodies(string rest, string status)
    {
        await using var host = await StartAsync();
        using var socket = new TcpClient(host.Address.Host, host.Address.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes("POST /body HTTP/1.1\r\nHost: hs\r\n" + rest));
        var line = await new StreamReader(stream).ReadLineAsync();
        Assert.StartsWith($"HTTP/1.1 {status}", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task logs_an_unhandled_exception_once_with_its_request()
    {
        var log = new ListLogger();
        await using var host = await StartAsync(logger: log);
        await host.SendAsync("GET", "/throws");
        await host.SendAsync("GET", "/unknown");
        var line = Assert.Single(log.Lines);
        Assert.Contains("GET /throws", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task says_nothing_when_the_client_has_gone()
    {
        var log = new ListLogger();
        var entered = new TaskCompletionSource();
        var left = new TaskCompletionSource();
        await using var host = await StartAsync(logger: log, waiting: async request =>
        {
            entered.SetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, request.ClientGone);
            }
            finally
            {
                left.SetResult();
            }
            return MatrixResponse.Empty;
        });
        using var gone = new CancellationTokenSource();
        var call = host.Client.GetAsync(new Uri("/waits", UriKind.Relative), gone.Token);
        await entered.Task;
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await left.Task;
        Assert.Equal(200, (await host.SendAsync("GET", "/open")).Status);
        Assert.Empty(log.Lines);
    }

    private static Task<PipelineHost> StartAsync(
        RateLimits? limits = null,
        ILogger<RequestPipeline>? logger = null,
        Func<MatrixRequest, ValueTask<MatrixResponse>>? waiting = null) => PipelineHost.StartAsync(
        table =>
        {
            table.Add(Open, Who);
            table.Add(Closed, Who);
            table.Add(Open with { Path = "/optional", Auth = AuthKind.OptionalAccessToken }, Who);
            table.Add(Closed with { Path = "/guests", GuestsAllowed = true }, Who);
            table.Add(Open
                with { Path = "/limited", Auth = AuthKind.OptionalAccessToken, Rate = RateClass.Message }, Who);
            table.Add(Open with { Path = "/named/{name}" }, r => Text(r.Path("name")));
            table.Add(Open with { Path = "/throws" }, _ => throw new InvalidOperationException("On purpose."));
            table.Add(Open with { Path = "/body", Method = "POST", BodyBytesMax = 32 }, BodyAsync);
            if (waiting is not null)
                table.Add(Open with { Path = "/waits" }, r => waiting(r));
        },
        limits,
        logger);

    private static ValueTask<MatrixResponse> Who(MatrixRequest request) =>
        Text(request.RequesterOrNull?.UserId.Value ?? "nobody");

    private static async ValueTask<MatrixResponse> BodyAsync(MatrixRequest request)
    {
        var (_, error) = await request.ReadJsonObjectAsync();
        return error is null ? MatrixResponse.Empty : error;
    }

    private static ValueTask<MatrixResponse> Text(string who) => new(new MatrixResponse.Json(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("who", who);
        writer.WriteEndObject();
    }));

    private sealed class ListLogger : ILogger<RequestPipeline>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            Microsoft.Extensions.Logging.EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            lock (Lines)
                Lines.Add(formatter(state, exception));
        }
    }
}

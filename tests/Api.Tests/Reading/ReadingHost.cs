using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.Reading;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Federation.RemoteRooms;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Projections.Tests.Roomserver;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Matrix.EventSourced.Api.Tests.Reading;

/// <summary>The reading endpoints over a projection, without listener or write side.</summary>
internal sealed class ReadingHost(RoomserverHarness harness)
{
    private static readonly EndpointTable Table = MakeTable();

    private readonly ServiceProvider _services = new ServiceCollection()
        .AddSingleton<IProjectionGate>(harness)
        .AddSingleton(harness.Reader)
        .AddSingleton(harness.Engine)
        .AddSingleton(harness.Database)
        .AddSingleton<IProjectionSchemas>(harness)
        .AddSingleton<IAccountDataQueries>(harness)
        .AddSingleton<VisibleStretchReader>()
        .AddSingleton<RelationBundles>()
        .AddSingleton<IgnoredUsers>()
        .AddSingleton<EventBundler>()
        .AddSingleton<IRoomserverQueries>(harness.Queries)
        .AddSingleton<IBackfill>(new NoOtherServers())
        .AddSingleton<TimeProvider>(new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000)))
        .BuildServiceProvider();

    public async Task<(int Status, JsonElement Body)> GetAsync(string user, string template, string query, params string[] parameters)
    {
        var (spec, handler) = Table.Entries.Single(entry => entry.Spec.Method == "GET" && entry.Spec.Path == template);
        var names = template.Split('/').Where(part => part.StartsWith('{')).Select(part => part.Trim('{', '}', '?'));
        var path = names.Zip(parameters, KeyValuePair.Create).ToList();
        var http = new DefaultHttpContext { RequestServices = _services };
        http.Request.QueryString = new(query);
        var requester = new Requester(UserId.Parse(user), "DEVICE", false, false, "hash");
        var response = await handler(new MatrixRequest(http, spec, path, requester, null, 1_000_000));
        return response is MatrixResponse.JsonParts parts ? (200, await ReadAsync(parts)) : Read(response);
    }

    private static async Task<JsonElement> ReadAsync(MatrixResponse.JsonParts parts)
    {
        using var stream = new MemoryStream();
        var body = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        await using (var json = new Utf8JsonWriter(body))
            await parts.WriteAsync(new JsonPartWriter(json, body, CancellationToken.None));
        await body.CompleteAsync();
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }

    private static (int Status, JsonElement Body) Read(MatrixResponse response)
    {
        switch (response)
        {
            case MatrixResponse.Json json:
                using (var stream = new MemoryStream())
                {
                    using (var writer = new Utf8JsonWriter(stream))
                        json.Write(writer);
                    return (json.Status, JsonDocument.Parse(stream.ToArray()).RootElement);
                }
            case MatrixResponse.RawJson raw:
                return (raw.Status, JsonDocument.Parse(raw.Utf8).RootElement);
            case MatrixResponse.Error error:
                var body = Encoding.UTF8.GetBytes($$"""{"errcode":"{{error.Value.ErrCode}}"}""");
                return (error.Value.Status, JsonDocument.Parse(body).RootElement);
            default:
                throw new InvalidOperationException($"{response} was not expected.");
        }
    }

    private static EndpointTable MakeTable()
    {
        var table = new EndpointTable();
        Composition.MapReadSide(table);
        return table;
    }

    private sealed class NoOtherServers : IBackfill
    {
        public ValueTask<bool> FetchAsync(
            CommandContext context, RoomId roomId, int limit, CancellationToken cancellationToken) => new(false);

        public ValueTask<bool> FetchGapAsync(
            CommandContext context, RoomId roomId, TimelineStretch stretch, int limit, CancellationToken cancellationToken) => new(false);
    }
}

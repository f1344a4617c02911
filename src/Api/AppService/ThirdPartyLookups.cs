using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.AppServices;

namespace Matrix.EventSourced.Api.AppService;

/// <summary>Asks application services about the networks that they bridge to.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #third-party-networks. All services that have the protocol are asked at once;
/// one that does not answer in time counts as one that knows nothing. What is no JSON of the expected kind is left out.
/// </remarks>
internal sealed class ThirdPartyLookups(AppserviceSet services, AppserviceClient client)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly JsonDocumentOptions Bounded = new()
    {
        MaxDepth = Limits.JsonDepthMax,
        AllowDuplicateProperties = false,
    };

    /// <summary>The protocols that are served here, in order.</summary>
    public IEnumerable<string> Protocols => services.All
        .SelectMany(service => service.Protocols)
        .Distinct(StringComparer.Ordinal)
        .Order(StringComparer.Ordinal);

    /// <summary>What is known of a protocol, with the instances of all services that have it; null for an unknown
    /// one.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> FindProtocolAsync(
        string protocol, CancellationToken cancellationToken)
    {
        var answers = await AskAsync(
            services.All.Where(service => service.Protocols.Contains(protocol)),
            $"protocol/{Uri.EscapeDataString(protocol)}",
            JsonValueKind.Object,
            cancellationToken);
        if (answers.Count == 0)
            return null;
        return AccountJson(writer => Write(writer, answers));
    }

    /// <summary>Locations or users, of all services that have the protocol (or of all services).</summary>
    /// <param name="path"><c>location/irc</c>, <c>user</c>; escaped.</param>
    /// <param name="protocol">Null for all services.</param>
    /// <param name="query">Fields that are passed on.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        string path, string? protocol, string query, CancellationToken cancellationToken)
    {
        var asked = services.All.Where(service => protocol is null || service.Protocols.Contains(protocol));
        var answers = await AskAsync(asked, path + query, JsonValueKind.Array, cancellationToken);
        var entries = answers.SelectMany(answer => answer.Json.EnumerateArray())
            .Where(entry => entry.ValueKind == JsonValueKind.Object)
            .ToList();
        if (entries.Count == 0)
            return null;
        return AccountJson(writer =>
        {
            writer.WriteStartArray();
            foreach (var entry in entries)
                entry.WriteTo(writer);
            writer.WriteEndArray();
        });
    }

    private async ValueTask<List<(AppserviceRegistration Service, JsonElement Json)>> AskAsync(
        IEnumerable<AppserviceRegistration> asked,
        string path,
        JsonValueKind kind,
        CancellationToken cancellationToken)
    {
        var request = new AppserviceRequest(
            HttpMethod.Get,
            "/_matrix/app/v1/thirdparty/" + path,
            "/_matrix/app/unstable/thirdparty/" + path,
            Body: null,
            Timeout);
        var questions = asked.Where(service => service.Url is not null)
            .Select(async service => (service, await client.SendAsync(service, request, cancellationToken)));
        var answers = new List<(AppserviceRegistration, JsonElement)>();
        foreach (var (service, reply) in await Task.WhenAll(questions))
        {
            if (reply is AppserviceReply.Answered { IsSuccess: true } answered
                && TryParse(answered.Body.Span, out var json) && json.ValueKind == kind)
            {
                answers.Add((service, json));
            }
        }
        return answers;
    }

    private static bool TryParse(ReadOnlySpan<byte> utf8, out JsonElement json)
    {
        try
        {
            json = JsonElement.Parse(utf8, Bounded);
            return true;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            json = default;
            return false;
        }
    }

    /// <summary>The first answer, with the instances of all of them; each gets an id that names it here.</summary>
    private static void Write(Utf8JsonWriter writer, List<(AppserviceRegistration Service, JsonElement Json)> answers)
    {
        writer.WriteStartObject();
        foreach (var member in answers[0].Json.EnumerateObject())
        {
            if (!member.NameEquals("instances"u8))
                member.WriteTo(writer);
        }
        writer.WriteStartArray("instances"u8);
        foreach (var (service, json) in answers)
        {
            if (!json.TryGetProperty("instances"u8, out var instances) || instances.ValueKind != JsonValueKind.Array)
                continue;
            foreach (var instance in instances.EnumerateArray())
            {
                if (instance.ValueKind == JsonValueKind.Object)
                    WriteInstance(writer, service, instance);
            }
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteInstance(Utf8JsonWriter writer, AppserviceRegistration service, JsonElement instance)
    {
        var network = instance.TryGetProperty("network_id"u8, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : string.Empty;
        writer.WriteStartObject();
        foreach (var member in instance.EnumerateObject())
        {
            if (!member.NameEquals("instance_id"u8))
                member.WriteTo(writer);
        }
        writer.WriteString("instance_id"u8, NetworkInstanceId.Of(service.Id, network));
        writer.WriteEndObject();
    }

    private static ReadOnlyMemory<byte> AccountJson(Action<Utf8JsonWriter> write) =>
        ClientApi.Account.AccountRequests.ToBytes(write).Utf8;
}

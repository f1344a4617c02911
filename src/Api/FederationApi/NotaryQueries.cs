using System.Globalization;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Federation.ServerKeyApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.FederationApi;

/// <summary>Other servers ask us for the keys of third ones.</summary>
internal static class NotaryQueries
{
    public static readonly EndpointSpec GetSpec = new(
        "GET", "/_matrix/key/v2/query/{serverName}", AuthKind.None, RateClass.None,
        "server-server-api#get_matrixkeyv2queryservername");

    public static readonly EndpointSpec GetOneSpec = new(
        "GET", "/_matrix/key/v2/query/{serverName}/{keyId}", AuthKind.None, RateClass.None,
        "server-server-api#get_matrixkeyv2queryservernamekeyid");

    public static readonly EndpointSpec PostSpec = new(
        "POST", "/_matrix/key/v2/query", AuthKind.None, RateClass.None,
        "server-server-api#post_matrixkeyv2query");

    public static void Map(EndpointTable table)
    {
        table.Add(GetSpec, GetAsync);
        // The key's name says nothing: a document comes whole, or not at all.
        table.Add(GetOneSpec, GetAsync);
        table.Add(PostSpec, PostAsync);
    }

    private static async ValueTask<MatrixResponse> GetAsync(MatrixRequest request)
    {
        if (!ServerName.TryParse(request.Path("serverName"), out var server))
            return MatrixError.InvalidParam("The path must name a server.");
        long? validAtMs = null;
        if (request.Query("minimum_valid_until_ts") is { Length: > 0 } text)
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
                return MatrixError.InvalidParam("minimum_valid_until_ts must be a whole number.");
            validAtMs = value;
        }
        return await AnswerAsync(request, [(server, validAtMs)]);
    }

    private static async ValueTask<MatrixResponse> PostAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("server_keys"u8, out var servers))
            return MatrixError.MissingParam("server_keys is missing.");
        if (servers.ValueKind != JsonValueKind.Object)
            return MatrixError.BadJson("server_keys must be an object.");
        var questions = new List<(ServerName, long?)>();
        foreach (var entry in servers.EnumerateObject())
        {
            if (questions.Count == ServerKeyLimits.QueryServersMax)
                return MatrixError.TooLarge($"At most {ServerKeyLimits.QueryServersMax} servers may be asked for.");
            if (!ServerName.TryParse(entry.Name, out var server) || !TryReadTime(entry.Value, out var validAtMs))
                return MatrixError.BadJson("server_keys must map server names to keys and their criteria.");
            questions.Add((server, validAtMs));
        }
        return await AnswerAsync(request, questions);
    }

    /// <summary>The latest time of all keys that are asked for; null where none is said.</summary>
    private static bool TryReadTime(JsonElement keys, out long? validAtMs)
    {
        validAtMs = null;
        if (keys.ValueKind != JsonValueKind.Object)
            return false;
        foreach (var criteria in keys.EnumerateObject())
        {
            if (criteria.Value.ValueKind != JsonValueKind.Object)
                return false;
            if (!criteria.Value.TryGetProperty("minimum_valid_until_ts"u8, out var time))
                continue;
            if (time.ValueKind != JsonValueKind.Number || !time.TryGetInt64(out var value) || value < 0)
                return false;
            validAtMs = Math.Max(validAtMs ?? 0, value);
        }
        return true;
    }

    private static async ValueTask<MatrixResponse> AnswerAsync(
        MatrixRequest request, IReadOnlyList<(ServerName, long?)> questions)
    {
        var documents = await request.Get<Notary>().AnswerAsync(questions, request.ClientGone);
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("server_keys"u8);
            foreach (var document in documents)
                writer.WriteRawValue(document.Span, skipInputValidation: true);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }
}

using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.ClientConfig;
using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>The push rules of the requester: all, one, and of one whether it is on and what it does.</summary>
/// <remarks>Spec: v1.19 client-server-api #push-rules-api.</remarks>
internal static class PushRuleEndpoints
{
    private const string AllPath = "/_matrix/client/v3/pushrules/";
    private const string GlobalPath = AllPath + "global/";
    private const string RulePath = GlobalPath + "{kind}/{ruleId}";

    public static readonly IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries =
    [
        (Spec("GET", AllPath, "get_matrixclientv3pushrules"), request => GetAllAsync(request, isGlobal: false)),
        (Spec("GET", GlobalPath, "get_matrixclientv3pushrulesglobal"), request => GetAllAsync(request, isGlobal: true)),
        (Spec("GET", RulePath, "get_matrixclientv3pushrulesglobalkindruleid"), GetRuleAsync),
        (Spec("PUT", RulePath, "put_matrixclientv3pushrulesglobalkindruleid"), PutRuleAsync),
        (Spec("DELETE", RulePath, "delete_matrixclientv3pushrulesglobalkindruleid"), DeleteRuleAsync),
        (Spec("GET", RulePath + "/enabled", "get_matrixclientv3pushrulesglobalkindruleidenabled"), GetEnabledAsync),
        (Spec("PUT", RulePath + "/enabled", "put_matrixclientv3pushrulesglobalkindruleidenabled"), PutEnabledAsync),
        (Spec("GET", RulePath + "/actions", "get_matrixclientv3pushrulesglobalkindruleidactions"), GetActionsAsync),
        (Spec("PUT", RulePath + "/actions", "put_matrixclientv3pushrulesglobalkindruleidactions"), PutActionsAsync),
    ];

    public static void Map(EndpointTable table)
    {
        foreach (var (spec, handler) in Entries)
            table.Add(spec, handler);
    }

    private static EndpointSpec Spec(string method, string path, string heading) => new(
        method,
        path,
        AuthKind.AccessToken,
        method == "GET" ? RateClass.Read : RateClass.Profile,
        "client-server-api#" + heading);

    private static async ValueTask<MatrixResponse> GetAllAsync(MatrixRequest request, bool isGlobal)
    {
        var rules = await ReadRulesAsync(request);
        return new MatrixResponse.RawJson(isGlobal ? rules.ToGlobal() : rules.ToContent());
    }

    private static ValueTask<MatrixResponse> GetRuleAsync(MatrixRequest request) =>
        GetAsync(request, static (writer, rule) => rule.WriteTo(writer));

    private static ValueTask<MatrixResponse> GetEnabledAsync(MatrixRequest request) =>
        GetAsync(request, static (writer, rule) =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean("enabled"u8, rule.IsEnabled);
            writer.WriteEndObject();
        });

    private static ValueTask<MatrixResponse> GetActionsAsync(MatrixRequest request) =>
        GetAsync(request, static (writer, rule) =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("actions"u8);
            rule.Actions.WriteTo(writer);
            writer.WriteEndObject();
        });

    private static async ValueTask<MatrixResponse> PutRuleAsync(MatrixRequest request)
    {
        if (ReadKind(request, out var kind) is { } unknown)
            return unknown;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var put, error) = PushRuleBody.ReadRule(
            body, kind, request.Path("ruleId"), request.Query("before"), request.Query("after"));
        return error is null ? await ChangeAsync(request, put!) : error;
    }

    private static async ValueTask<MatrixResponse> DeleteRuleAsync(MatrixRequest request) =>
        ReadKind(request, out var kind) is { } unknown
            ? unknown
            : await ChangeAsync(request, new PushRuleChange.Delete(kind, request.Path("ruleId")));

    private static async ValueTask<MatrixResponse> PutEnabledAsync(MatrixRequest request)
    {
        if (ReadKind(request, out var kind) is { } unknown)
            return unknown;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (!body.TryGetProperty("enabled"u8, out var enabled))
            return MatrixError.MissingParam("enabled is missing.");
        if (enabled.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            return MatrixError.BadJson("enabled must be true or false.");
        return await ChangeAsync(
            request, new PushRuleChange.SetEnabled(kind, request.Path("ruleId"), enabled.GetBoolean()));
    }

    private static async ValueTask<MatrixResponse> PutActionsAsync(MatrixRequest request)
    {
        if (ReadKind(request, out var kind) is { } unknown)
            return unknown;
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        (var actions, error) = PushRuleBody.ReadActions(body);
        return error is null
            ? await ChangeAsync(request, new PushRuleChange.SetActions(kind, request.Path("ruleId"), actions))
            : error;
    }

    private static async ValueTask<MatrixResponse> GetAsync(
        MatrixRequest request, Action<Utf8JsonWriter, PushRule> write)
    {
        if (ReadKind(request, out var kind) is { } unknown)
            return unknown;
        var rules = await ReadRulesAsync(request);
        return rules.Find(kind, request.Path("ruleId")) is { } rule
            ? new MatrixResponse.Json(writer => write(writer, rule))
            : MatrixError.NotFound("There is no such push rule.");
    }

    private static async ValueTask<PushRuleset> ReadRulesAsync(MatrixRequest request)
    {
        var user = request.Requester.UserId;
        var queries = await request.ReadAsync<IAccountDataQueries>();
        return PushRuleset.For(
            user, await queries.FindAsync(user, null, AccountDataQueries.PushRulesType, request.ClientGone));
    }

    private static ValueTask<MatrixResponse> ChangeAsync(MatrixRequest request, PushRuleChange change) =>
        request.SendAsync(new ChangePushRules(request.CommandContext(), request.Requester.UserId, change));

    private static MatrixError? ReadKind(MatrixRequest request, out PushRuleKind kind) =>
        PushRuleKinds.TryParse(request.Path("kind"), out kind)
            ? null
            : MatrixError.InvalidParam("The kind of a push rule is override, content, room, sender or underride.");
}

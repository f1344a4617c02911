using System.Text.Json;
using Matrix.EventSourced.Api.ClientApi.OAuth;
using Matrix.EventSourced.Api.ClientApi.Sso;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>Runs a request through user-interactive authentication.</summary>
/// <remarks>Spec: v1.19 client-server-api #user-interactive-api-in-the-rest-api.</remarks>
internal static class InteractiveRequests
{
    /// <summary>Authenticates by the requester's password, or by single sign-on where that is how they log in; then
    /// runs
    /// the request with its bound parameters.</summary>
    /// <remarks>Errors: M_FORBIDDEN for a session of the OAuth API, with which this way of authentication does not go
    /// together. Spec: v1.19 client-server-api #oauth-20-api.</remarks>
    public static async ValueTask<MatrixResponse> WithPasswordAsync(
        this MatrixRequest request,
        JsonElement body,
        string operation,
        Func<JsonElement, ValueTask<MatrixResponse>> run)
    {
        var user = request.Requester.UserId;
        if (request.Requester.ClientId is not null)
            return MatrixError.Forbidden(
                "A session of the OAuth API cannot do this; it is done on the account page: "
                + OAuthPaths.Absolute(request, OAuthPaths.Account));
        var stages = request.Get<InteractiveStages>();
        return await request.AuthenticateAsync(
            body,
            $"{operation} {user.Value}",
            await FlowsAsync(request, user),
            (stage, auth) => stages.CheckPasswordAsync(stage, auth, user),
            run);
    }

    /// <summary>Authenticates on the account page; for a session of the OAuth API.</summary>
    /// <remarks>Spec: v1.19 client-server-api #oauth-authentication.</remarks>
    public static async ValueTask<MatrixResponse> WithOAuthAsync(
        this MatrixRequest request,
        JsonElement body,
        string operation,
        Func<JsonElement, ValueTask<MatrixResponse>> run)
    {
        var user = request.Requester.UserId;
        var resets = request.Get<CrossSigningResets>();
        var url = OAuthPaths.Absolute(request, AccountPage.Path(AccountActions.CrossSigningReset));
        var flows = new InteractiveFlows([[InteractiveFlows.OAuth], [InteractiveFlows.UnstableOAuth]])
        {
            ParamsJson = $$$"""
                {"{{{InteractiveFlows.OAuth}}}":{"url":"{{{JsonEncodedText.Encode(url)}}}"},
                "{{{InteractiveFlows.UnstableOAuth}}}":{"url":"{{{JsonEncodedText.Encode(url)}}}"} }
                """,
        };
        // The client says nothing but which session it is: the stage was passed on the page, or it was not.
        if (resets.IsAllowed(user) && body.TryGetProperty("auth"u8, out var given)
            && given.ValueKind == JsonValueKind.Object && given.TryGetProperty("session"u8, out var session)
            && session.ValueKind == JsonValueKind.String)
            request.Get<InteractiveSessions>().CompleteFor(session.GetString()!, InteractiveFlows.OAuth, user);
        return await request.AuthenticateAsync(
            body,
            $"{operation} {user.Value}",
            flows,
            (_, _) => new(resets.IsAllowed(user) ? null : MatrixError.Forbidden("The user has not allowed it yet.")),
            run);
    }

    private static async ValueTask<InteractiveFlows> FlowsAsync(MatrixRequest request, UserId user)
    {
        var state = (await request.Get<AggregateStore<CredentialsState>>()
            .LoadAsync(UserStreams.Credentials(user), request.ClientGone)).State;
        var providers = request.Get<IdentityProviders>();
        var isUpstream = state.UpstreamLinks.Any(link => providers.Find(link.ProviderId) is not null);
        return !isUpstream ? InteractiveFlows.Of(InteractiveFlows.Password)
            : state.PasswordHash is null ? InteractiveFlows.Of(InteractiveFlows.Sso)
            : new InteractiveFlows([[InteractiveFlows.Password], [InteractiveFlows.Sso]]);
    }

    public static async ValueTask<MatrixResponse> AuthenticateAsync(
        this MatrixRequest request,
        JsonElement body,
        string operation,
        InteractiveFlows flows,
        StageCheck check,
        Func<JsonElement, ValueTask<MatrixResponse>> run)
    {
        var sessions = request.Get<InteractiveSessions>();
        switch (await sessions.AuthenticateAsync(operation, flows, body, check))
        {
            case InteractiveOutcome.Authenticated authenticated:
                var answer = await run(authenticated.Parameters);
                if (answer is MatrixResponse.RawJson raw)
                    sessions.Remember(authenticated.SessionId, raw.Utf8);
                return answer;
            case InteractiveOutcome.AnsweredBefore before:
                return new MatrixResponse.RawJson(before.Answer);
            case InteractiveOutcome.Challenge challenge:
                return new MatrixResponse.Json(writer => Write(writer, challenge), 401);
            case InteractiveOutcome.Refused refused:
                return refused.Error;
            default:
                throw new InvalidOperationException("Unknown outcome of an authentication.");
        }
    }

    private static void Write(Utf8JsonWriter writer, InteractiveOutcome.Challenge challenge)
    {
        writer.WriteStartObject();
        if (challenge.Error is { } error)
        {
            writer.WriteString("errcode"u8, error.ErrCode);
            writer.WriteString("error"u8, error.Message);
        }
        if (!challenge.Completed.IsEmpty)
            WriteStages(writer, "completed", challenge.Completed);
        writer.WriteStartArray("flows"u8);
        foreach (var flow in challenge.Flows.Flows)
        {
            writer.WriteStartObject();
            WriteStages(writer, "stages", flow);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WritePropertyName("params"u8);
        writer.WriteRawValue(challenge.Flows.ParamsJson ?? "{}");
        writer.WriteString("session"u8, challenge.SessionId);
        writer.WriteEndObject();
    }

    private static void WriteStages(Utf8JsonWriter writer, string name, IEnumerable<string> stages)
    {
        writer.WriteStartArray(name);
        foreach (var stage in stages)
            writer.WriteStringValue(stage);
        writer.WriteEndArray();
    }
}

using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

/// <summary>Ways to authenticate: each flow is stages in their order.</summary>
public sealed record InteractiveFlows(ImmutableArray<ImmutableArray<string>> Flows)
{
    public const string Dummy = "m.login.dummy";
    public const string Password = "m.login.password";
    public const string RegistrationToken = "m.login.registration_token";

    public const string Sso = "m.login.sso";
    public const string OAuth = "m.oauth";

    /// <summary>The name that clients from before the spec had it know m.oauth by.</summary>
    public const string UnstableOAuth = "org.matrix.cross_signing_reset";

    /// <summary>What clients are told beside the stages: a JSON object; null for nothing.</summary>
    public string? ParamsJson { get; init; }

    public static InteractiveFlows Of(params ImmutableArray<string> onlyFlow) => new([onlyFlow]);
}

/// <summary>What became of an attempt to authenticate.</summary>
public abstract record InteractiveOutcome
{
    private InteractiveOutcome() { }

    /// <summary>
    /// All stages are done: run the request with these parameters, then <see cref="InteractiveSessions.Remember"/> its
    /// answer.
    /// </summary>
    public sealed record Authenticated(string SessionId, JsonElement Parameters) : InteractiveOutcome;

    /// <summary>The request was run before; this was its answer.</summary>
    public sealed record AnsweredBefore(ReadOnlyMemory<byte> Answer) : InteractiveOutcome;

    /// <summary>401 with the flows. Error says why the stage that was tried did not succeed.</summary>
    public sealed record Challenge(
        string SessionId, InteractiveFlows Flows, ImmutableArray<string> Completed, MatrixError? Error)
        : InteractiveOutcome;

    public sealed record Refused(MatrixError Error) : InteractiveOutcome;
}

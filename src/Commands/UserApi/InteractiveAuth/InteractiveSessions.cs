using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

/// <summary>Checks one stage: null when it is passed. It gets the request's <c>auth</c> object.</summary>
public delegate ValueTask<MatrixError?> StageCheck(string stage, JsonElement auth);

/// <summary>User-interactive authentication: sessions in memory, bounded and expiring.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #user-interactive-authentication-api.
/// <code>
///   no auth ───────────────► new session, 401
///   auth, no session ──────► new session, go on          (scripts send m.login.dummy at once)
///   auth, unknown session ─► new session, 401 with error
///   other endpoint or user, other parameters ─► 403
///   stage next in a flow ──► check ─ failed: 401 with error ─ passed, more to do: 401 with completed ─ flow complete:
/// run the request
/// </code>
/// A session that is lost (restart, eviction) costs its client one more round, nothing else.
/// </remarks>
public sealed class InteractiveSessions(TimeProvider time, IRandom random)
{
    /// <summary>LIMIT: how long a session waits for its next stage. Ours.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(30);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, InteractiveSession> _sessions = new(StringComparer.Ordinal);
    private readonly Queue<(string Id, long ExpiresAtMs)> _oldestFirst = [];

    /// <summary>Takes an attempt as far as it goes.</summary>
    /// <param name="operation">Endpoint and user; a session works for one operation only.</param>
    /// <param name="flows">What this operation asks for.</param>
    /// <param name="body">The request's body.</param>
    /// <param name="check">Checks one stage.</param>
    public async ValueTask<InteractiveOutcome> AuthenticateAsync(
        string operation, InteractiveFlows flows, JsonElement body, StageCheck check)
    {
        var parameters = WithoutAuth(body);
        if (!body.TryGetProperty("auth", out var auth) || auth.ValueKind == JsonValueKind.Null)
            return Begin(operation, parameters, flows, check, null);
        if (auth.ValueKind != JsonValueKind.Object)
            return new InteractiveOutcome.Refused(MatrixError.BadJson("auth must be an object."));
        if (!TryGetText(auth, "session", out var sessionId) || !TryGetText(auth, "type", out var stage))
            return new InteractiveOutcome.Refused(MatrixError.BadJson("session and type of auth must be strings."));
        if (sessionId is null && stage is null)
            return Begin(operation, parameters, flows, check, null);

        var session = sessionId is null ? Create(operation, parameters, flows, check) : Find(sessionId);
        if (session is null)
            return Begin(operation, parameters, flows, check, new MatrixError(
                401, ErrCodes.Unknown, "This session is not known or has expired."));
        if (session.Operation != operation)
            return new InteractiveOutcome.Refused(MatrixError.Forbidden("This session belongs to another request."));
        if (!TryBind(ref session, parameters))
            return new InteractiveOutcome.Refused(
                MatrixError.Forbidden("The request has changed since its authentication began."));
        if (session.Answer is { } answer)
            return new InteractiveOutcome.AnsweredBefore(answer);

        if (stage is not null && !session.Completed.Contains(stage))
        {
            var error = IsNext(stage, session.Completed, flows)
                ? await check(stage, auth)
                : MatrixError.Forbidden("This is not the next stage of any flow.");
            if (error is { Status: 429 })
                return new InteractiveOutcome.Refused(error);
            if (error is not null)
                return new InteractiveOutcome.Challenge(session.Id, flows, session.Completed, error);
            session = session with { Completed = session.Completed.Add(stage) };
            Put(session);
        }
        return IsComplete(session.Completed, flows)
            ? new InteractiveOutcome.Authenticated(session.Id, session.Parameters ?? parameters)
            : new InteractiveOutcome.Challenge(session.Id, flows, session.Completed, null);
    }

    /// <summary>Whether the session is known, and the stage is the next that it waits for.</summary>
    public bool WaitsFor(string sessionId, string stage) =>
        Find(sessionId) is { } session && IsNext(stage, session.Completed, session.Flows);

    /// <summary>Passes a stage on a page of the browser, for a client that does not know the stage.</summary>
    /// <remarks>
    /// Spec: v1.19 client-server-api #fallback. The client then repeats its request with the session alone.
    /// Errors: M_NOT_FOUND for a session that does not wait for this stage; those of the stage.
    /// </remarks>
    public async ValueTask<MatrixError?> CompleteAsync(string sessionId, string stage, JsonElement auth)
    {
        if (Find(sessionId) is not { } session || !IsNext(stage, session.Completed, session.Flows))
            return MatrixError.NotFound("No session waits for this stage.");
        if (await session.Check(stage, auth) is { } error)
            return error;
        lock (_lock)
        {
            // Looked up again: another request may have passed the stage while this one was checked.
            if (_sessions.TryGetValue(sessionId, out var now) && !now.Completed.Contains(stage))
                _sessions[sessionId] = now with { Completed = now.Completed.Add(stage) };
        }
        return null;
    }

    /// <summary>Whether a request of this user waits for the stage.</summary>
    public bool WaitsFor(string sessionId, string stage, UserId user) =>
        WaitsFor(sessionId, stage)
        && Find(sessionId)?.Operation.EndsWith(" " + user.Value, StringComparison.Ordinal) == true;

    /// <summary>Passes a stage for a user who has shown elsewhere who they are.</summary>
    /// <remarks>Errors: M_NOT_FOUND for a session that does not wait for it, M_FORBIDDEN for another user's.</remarks>
    public MatrixError? CompleteFor(string sessionId, string stage, UserId user)
    {
        if (!WaitsFor(sessionId, stage))
            return MatrixError.NotFound("No session waits for this stage.");
        if (!WaitsFor(sessionId, stage, user))
            return MatrixError.Forbidden("This is another user.");
        lock (_lock)
        {
            if (_sessions.TryGetValue(sessionId, out var now) && !now.Completed.Contains(stage))
                _sessions[sessionId] = now with { Completed = now.Completed.Add(stage) };
        }
        return null;
    }

    /// <summary>
    /// The answer that this very request got before; for checks that come before authentication and would refuse it
    /// now.
    /// </summary>
    public ReadOnlyMemory<byte>? FindAnswer(string operation, JsonElement body)
    {
        if (!body.TryGetProperty("auth", out var auth) || auth.ValueKind != JsonValueKind.Object)
            return null;
        if (!TryGetText(auth, "session", out var sessionId) || sessionId is null || Find(
            sessionId) is not { Answer: { } answer } session)
            return null;
        var parameters = WithoutAuth(body);
        var isSame = session.Operation == operation
            && (IsEmpty(parameters) || (session.Parameters is { } bound && JsonElement.DeepEquals(bound, parameters)));
        return isSame ? answer : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>Keeps the answer of a finished request, so that asking again changes nothing.</summary>
    public void Remember(string sessionId, ReadOnlyMemory<byte> answer)
    {
        lock (_lock)
        {
            if (_sessions.TryGetValue(sessionId, out var session))
                _sessions[sessionId] = session with { Answer = answer };
        }
    }

    private InteractiveOutcome.Challenge Begin(
        string operation, JsonElement parameters, InteractiveFlows flows, StageCheck check, MatrixError? error) =>
        new(Create(operation, parameters, flows, check).Id, flows, [], error);

    private InteractiveSession Create(
        string operation, JsonElement parameters, InteractiveFlows flows, StageCheck check)
    {
        Span<byte> bytes = stackalloc byte[18];
        random.Fill(bytes);
        var now = NowMs();
        var session = new InteractiveSession(
            Base64Url.EncodeToString(bytes), operation, flows, check, now + (long)Lifetime.TotalMilliseconds)
        {
            Parameters = IsEmpty(parameters) ? null : parameters,
        };
        lock (_lock)
        {
            // All live equally long, so the oldest are the first to expire.
            while (_oldestFirst.TryPeek(
                out var oldest) && (oldest.ExpiresAtMs <= now || _sessions.Count >= Limits.InteractiveSessionsMax))
                _sessions.Remove(_oldestFirst.Dequeue().Id);
            _sessions.Add(session.Id, session);
            _oldestFirst.Enqueue((session.Id, session.ExpiresAtMs));
        }
        return session;
    }

    private InteractiveSession? Find(string id)
    {
        lock (_lock)
            return _sessions.TryGetValue(id, out var session) && session.ExpiresAtMs > NowMs() ? session : null;
    }

    private void Put(InteractiveSession session)
    {
        lock (_lock)
        {
            if (_sessions.ContainsKey(session.Id))
                _sessions[session.Id] = session;
        }
    }

    /// <summary>The first parameters stay: a later request repeats them or leaves them out.</summary>
    private bool TryBind(ref InteractiveSession session, JsonElement parameters)
    {
        if (IsEmpty(parameters))
            return true;
        if (session.Parameters is { } bound)
            return JsonElement.DeepEquals(bound, parameters);
        session = session with { Parameters = parameters };
        Put(session);
        return true;
    }

    private static bool IsNext(string stage, ImmutableArray<string> completed, InteractiveFlows flows) =>
        flows.Flows.Any(
            flow => completed.Length < flow.Length && flow[completed.Length] == stage && StartsWith(flow, completed));

    private static bool IsComplete(ImmutableArray<string> completed, InteractiveFlows flows) =>
        flows.Flows.Any(flow => flow.Length == completed.Length && StartsWith(flow, completed));

    private static bool StartsWith(ImmutableArray<string> flow, ImmutableArray<string> completed) =>
        flow.AsSpan(0, Math.Min(flow.Length, completed.Length)).SequenceEqual(completed.AsSpan());

    private static bool IsEmpty(JsonElement parameters) => !parameters.EnumerateObject().Any();

    private static bool TryGetText(JsonElement auth, string name, out string? text)
    {
        text = null;
        if (!auth.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return true;
        if (value.ValueKind != JsonValueKind.String)
            return false;
        text = value.GetString();
        return true;
    }

    /// <summary>A copy of the body without its <c>auth</c>, owned by nobody else.</summary>
    private static JsonElement WithoutAuth(JsonElement body)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in body.EnumerateObject())
            {
                if (!member.NameEquals("auth"u8))
                    member.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}

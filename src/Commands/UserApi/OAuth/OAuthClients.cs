using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using MediatR;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What the stream <c>oauthclient-…</c> says.</summary>
public sealed record OAuthClientState : IAggregateState<OAuthClientState>
{
    public static OAuthClientState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public ClientMetadata? Metadata { get; private init; }

    public OAuthClientState Evolve(IFact fact) => fact is OAuthClientRegistered registered
        ? new OAuthClientState { Metadata = ClientMetadata.FromJson(registered.Metadata) }
        : this;
}

/// <summary>A client registers itself; answers its id.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #dynamic-client-registration-flow. The id is made from the metadata: who says the same
/// gets the same id, and nothing is written twice.
/// </remarks>
public sealed record RegisterOAuthClient(CommandContext Context, ClientMetadata Metadata) : ICommand<string>;

public sealed class RegisterOAuthClientHandler(AggregateStore<OAuthClientState> clients)
    : IRequestHandler<RegisterOAuthClient, CommandResult<string>>
{
    public async Task<CommandResult<string>> Handle(RegisterOAuthClient command, CancellationToken cancellationToken)
    {
        var json = command.Metadata.ToJson();
        var clientId = Base64Url.EncodeToString(SHA256.HashData(json.Utf8.Span))[..OAuthClients.IdLength];
        var registered = await clients.ExecuteAsync(
            OAuthStreams.Client(clientId),
            state => state.Metadata is null
                ? Decision.Accept(new OAuthClientRegistered(clientId, json))
                : Decision.Nothing,
            command.Context,
            cancellationToken);
        return registered.ToResult(clientId);
    }
}

/// <summary>The clients of the OAuth API.</summary>
public sealed class OAuthClients(AggregateStore<OAuthClientState> clients)
{
    internal const int IdLength = 22;

    /// <summary>What a client said of itself; null for an id that was never given out.</summary>
    public async ValueTask<ClientMetadata?> FindAsync(string? clientId, CancellationToken cancellationToken) =>
        clientId is { Length: IdLength } && clientId.All(one => char.IsAsciiLetterOrDigit(one) || one is '-' or '_')
            ? (await clients.LoadAsync(OAuthStreams.Client(clientId), cancellationToken)).State.Metadata
            : null;
}

/// <summary>The streams of the OAuth API.</summary>
public static class OAuthStreams
{
    /// <summary>LIMIT: how long codes stay in the log. Ours: they work for minutes, and are known for a while after
    /// that, so that who brings one again is caught.</summary>
    public static readonly StreamMetadata OfCodes = new(MaxAge: TimeSpan.FromDays(1));

    public static StreamName Client(string clientId) => new(StreamCategories.OAuthClient, clientId);

    public static StreamName Code(string codeSha256) => new(StreamCategories.OAuthCode, codeSha256);

    public static StreamName Device(string userCode) => new(StreamCategories.OAuthDevice, userCode);
}

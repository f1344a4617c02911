using System.Text.Json;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.ClientApi.Account;

/// <summary>What /register and /login answer.</summary>
internal static class SessionAnswer
{
    public static void Write(Utf8JsonWriter writer, OpenedSession session, ServerName server)
    {
        writer.WriteStartObject();
        writer.WriteString("user_id"u8, session.UserId.Value);
        if (session.AccessToken is not null)
        {
            writer.WriteString("access_token"u8, session.AccessToken);
            writer.WriteString("device_id"u8, session.DeviceId);
            WriteRefresh(writer, session.Tokens!);
        }
        // Deprecated, but older clients and scripts read it.
        writer.WriteString("home_server"u8, server.Value);
        writer.WriteEndObject();
    }

    /// <summary>Spec: v1.19 client-server-api #refreshing-access-tokens.</summary>
    public static void WriteRefresh(Utf8JsonWriter writer, NewSessionTokens tokens)
    {
        if (tokens.RefreshToken is not null)
            writer.WriteString("refresh_token"u8, tokens.RefreshToken);
        if (tokens.ExpiresInMs is { } expiresInMs)
            writer.WriteNumber("expires_in_ms"u8, expiresInMs);
    }
}

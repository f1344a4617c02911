using System.Buffers;
using System.Text.Json;
using Matrix.EventSourced.Protocol.Json;
using Matrix.EventSourced.Protocol.Signing;

namespace Matrix.EventSourced.Federation.ServerKeyApi;

/// <summary>This server's own key document, signed.</summary>
/// <remarks>
/// Spec: v1.19 server-server-api #get_matrixkeyv2server.
/// Ensures: valid for 23 to 24 hours from when it is handed out; signed once an hour, not per request. Thread-safe.
/// Keys that were replaced stand among the old ones, so that what they signed stays verifiable.
/// </remarks>
public sealed class OwnServerKeys(ServerIdentity identity, RetiredKeys retired, TimeProvider time)
{
    private static readonly TimeSpan Validity = TimeSpan.FromHours(24);
    private static readonly TimeSpan SignedAnew = TimeSpan.FromHours(1);

    private volatile Signed? _signed;

    /// <summary>The document as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Read()
    {
        var now = time.GetUtcNow();
        // Two callers at the turn of the hour may both sign; either document is good.
        if (_signed is not { } signed || now >= signed.At + SignedAnew || now < signed.At)
            _signed = signed = new Signed(Sign(now + Validity), now);
        return signed.Document;
    }

    private byte[] Sign(DateTimeOffset validUntil)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("server_name", identity.Name.Value);
            writer.WriteStartObject("verify_keys");
            writer.WriteStartObject(identity.Key.KeyId.ToString());
            writer.WriteString("key", identity.Key.PublicKeyBase64);
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteStartObject("old_verify_keys");
            foreach (var key in retired.Keys.Where(key => key.KeyId != identity.Key.KeyId))
            {
                writer.WriteStartObject(key.KeyId.ToString());
                writer.WriteNumber("expired_ts", key.ExpiredTs ?? 0);
                writer.WriteString("key", UnpaddedBase64.Encode(key.PublicKey.Span));
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
            writer.WriteNumber("valid_until_ts", validUntil.ToUnixTimeMilliseconds());
            writer.WriteEndObject();
        }
        return JsonSigning.Sign(JsonElement.Parse(buffer.WrittenSpan), identity.Name, identity.Key);
    }

    private sealed record Signed(byte[] Document, DateTimeOffset At);
}

/// <summary>Keys that this server signed with before. Shape: ExpiredTs is set on each.</summary>
public sealed record RetiredKeys(IReadOnlyList<VerifyKey> Keys);

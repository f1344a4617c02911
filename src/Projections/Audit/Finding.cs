using System.Text.Json;

namespace Matrix.EventSourced.Projections.Audit;

/// <summary>Something that is not what it must be.</summary>
/// <remarks>Shape: Place names the record, the node or the row; Problem says what is wrong with it.</remarks>
public sealed record Finding(string Place, string Problem)
{
    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("place", Place);
        json.WriteString("problem", Problem);
        json.WriteEndObject();
    }
}

/// <summary>The keys with which PDUs of the log were signed.</summary>
public interface IAuditedKeys
{
    /// <summary>What this server knows of another's keys (or its own), or null when it knows none any more.</summary>
    Protocol.Signing.ServerKeys? Find(Protocol.Identifiers.ServerName server);

    /// <summary>This server.</summary>
    Protocol.Identifiers.ServerName Self { get; }
}

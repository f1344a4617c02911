using System.Collections.Frozen;

namespace Matrix.EventSourced.Facts.Schema;

/// <summary>The log schema: the one table of stored names, types and shapes.</summary>
/// <remarks>
/// Adding an optional member to a fact is free. Anything else is a new name with the next version, and an upcaster from
/// the old one. Every row has golden files, and stands in <c>docs/log-schema.md</c>; tests hold both.
/// </remarks>
public static class FactSchema
{
    /// <summary>Every fact, ordered by component.</summary>
    public static readonly IReadOnlyList<FactDescription> All =
    [
        .. RoomserverFacts.Rows, .. PublicRoomsFacts.Rows, .. UserApiFacts.Rows, .. AuditFacts.Rows,
        .. FederationFacts.Rows, .. EduServerFacts.Rows, .. ToDeviceFactRows.Rows,
        .. KeyServerFactRows.Rows, .. MediaApiFacts.Rows,
        .. KeyBackupFactRows.Rows, .. AppserviceFactRows.Rows,
        .. OAuthFactRows.Rows,
        .. DelayedEventFactRows.Rows,
    ];

    private static readonly FrozenDictionary<string, FactDescription> NameToRow =
        All.ToFrozenDictionary(row => row.Name, StringComparer.Ordinal);

    private static readonly FrozenDictionary<Type, FactDescription> TypeToRow = All.ToFrozenDictionary(row => row.Type);

    public static FactDescription? Find(string name) => NameToRow.GetValueOrDefault(name);

    public static FactDescription? Find(Type type) => TypeToRow.GetValueOrDefault(type);
}

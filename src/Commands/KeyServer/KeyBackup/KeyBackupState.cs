using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer.KeyBackup;

namespace Matrix.EventSourced.Commands.KeyServer.KeyBackup;

/// <summary>The backups of one user, as <c>keybackup-…</c> has them; their keys stand in streams of their own, which
/// no decision reads.</summary>
/// <remarks>Shape: VersionToBackup holds those that are there; LastVersion counts the ones that are gone, too.
/// </remarks>
public sealed record KeyBackupState : IAggregateState<KeyBackupState>
{
    public static KeyBackupState Initial { get; } = new();

    public static bool LastRecordOnly => false;

    public long LastVersion { get; private init; }

    public ImmutableSortedDictionary<long, KnownBackup> VersionToBackup { get; private init; } =
        ImmutableSortedDictionary<long, KnownBackup>.Empty;

    /// <summary>The one that takes keys: the newest that is there; 0 for none.</summary>
    public long Current => VersionToBackup.IsEmpty ? 0 : VersionToBackup.Keys.Last();

    public KeyBackupState Evolve(IFact fact) => fact switch
    {
        KeyBackupCreated created => this with
        {
            LastVersion = Math.Max(LastVersion, created.Version),
            VersionToBackup = VersionToBackup.SetItem(created.Version, new(created.Algorithm, created.AuthData)),
        },
        KeyBackupChanged changed when VersionToBackup.TryGetValue(changed.Version, out var known) => this with
        {
            VersionToBackup = VersionToBackup.SetItem(changed.Version, known with { AuthData = changed.AuthData }),
        },
        KeyBackupDeleted deleted => this with { VersionToBackup = VersionToBackup.Remove(deleted.Version) },
        _ => this,
    };
}

/// <summary>A backup that is there.</summary>
public sealed record KnownBackup(string Algorithm, RawJson AuthData);

using System.Collections.Frozen;
using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>A read model: rows derived from facts, disposable and rebuilt by replay.</summary>
/// <remarks>
/// Ensures (by the host): a batch's rows and its checkpoint are one PostgreSQL transaction, with compare-and-set on the
/// previous position.
/// Requires: Apply looks at nothing but the batch and the transaction; no clock, no other I/O. Time is the record's.
/// A change of tables or of meaning is a new <see cref="Version"/>: the host builds it beside the live one and switches
/// over.
/// </remarks>
public interface IProjection
{
    /// <summary>Lower-case name, also the prefix of its PostgreSQL schema.</summary>
    string Name { get; }

    int Version { get; }

    /// <summary>The oldest version whose tables this code still reads and writes; by default only its own.</summary>
    /// <remarks>Where an older program left such tables, they serve while those of <see cref="Version"/> are built.
    /// Tables of other versions serve nobody: the server waits for the build.</remarks>
    int ServesFrom => Version;

    /// <summary>The stored names of the facts that it handles; others never reach it.</summary>
    FrozenSet<string> Handles { get; }

    /// <summary>Whether a fact that it handles changes a row of it, as far as the fact alone says; by default
    /// yes.</summary>
    /// <remarks>A fact that does not is passed like one of another kind: no transaction, no
    /// <see cref="Committed"/>.</remarks>
    bool Concerns(Facts.IFact fact) => true;

    /// <summary>The shortest time between two commits while facts come one by one and nobody waits for them; by
    /// default none.</summary>
    /// <remarks>For tables that are read more seldom than written: one transaction for what came meanwhile, instead
    /// of one each. A read that waits at the gate ends it at once, and what comes alone is committed at
    /// once.</remarks>
    TimeSpan CommitInterval => TimeSpan.Zero;

    /// <summary>DDL for the tables, with <c>{schema}</c> where the schema's name goes; run once into an empty
    /// schema.</summary>
    string Ddl { get; }

    /// <summary>Applies a batch, in the order of the log. An exception stops the projection and turns health red with
    /// the position.</summary>
    /// <remarks>
    /// May run for two versions at once (one live, one being rebuilt), and again for facts whose transaction was rolled
    /// back: keep nothing between calls but what is keyed by the batch.
    /// </remarks>
    ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken);

    /// <summary>A version begins to serve: at start, and after a rebuild or a new version switched over.</summary>
    /// <remarks>
    /// <paramref name="upTo"/>: what the schema holds at this moment. <see cref="Committed"/> goes on right after it,
    /// so an in-memory view starts empty here (or reads the schema) and misses nothing; whoever is asked about older
    /// facts asks the tables.
    /// </remarks>
    void WentLive(string schema, LogPosition upTo)
    {
    }

    /// <summary>After the batch committed: the place for in-memory views and for waking those who wait. Only the live
    /// version gets it.</summary>
    /// <remarks>
    /// Ensures: in order, each fact once per process, even when PostgreSQL lost its last commits and rows are written
    /// again. The batch's transaction is over. It must not throw: an exception stops the projection as a failed Apply
    /// does.
    /// </remarks>
    void Committed(ProjectionBatch batch);
}

/// <summary>Some records of the log in order, and the transaction that their rows go into.</summary>
/// <remarks>
/// Shape: <see cref="Facts"/> holds only handled facts, decoded; <see cref="UpTo"/> is the position that the checkpoint
/// moves to.
/// <see cref="Schema"/> is the schema of the version being written: every table name is <c>{Schema}.table</c>.
/// IsRebuild: large batches from an old log; COPY pays off.
/// </remarks>
public sealed record ProjectionBatch(
    string Schema,
    NpgsqlConnection Connection,
    NpgsqlTransaction Transaction,
    IReadOnlyList<DecodedRecord> Facts,
    LogPosition UpTo,
    bool IsRebuild);

/// <summary>A record with its fact and metadata decoded (upcast to the newest version).</summary>
public sealed record DecodedRecord(LogRecord Record, Facts.IFact Fact, Facts.FactMetadata Metadata);

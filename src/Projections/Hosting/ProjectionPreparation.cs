using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>What is to be gone on with of one projection.</summary>
/// <remarks>
/// Shape: Serves is the version that answers from the start on, null when none can. Unfinished is a build that is to
/// take over from it. IsCurrent: whether what serves has the tables that this code makes.
/// </remarks>
internal readonly record struct KeptVersions(Checkpoint? Serves, Checkpoint? Unfinished, bool IsCurrent);

/// <summary>What there is of all projections: by name the live version, and why they cannot be of this log, when they
/// cannot.</summary>
internal sealed record FoundTables(IReadOnlyDictionary<string, Checkpoint> NameToLive, string? OtherLog);

/// <summary>Brings the database into order before any projection runs: fixed schemas, another log's rows,
/// leftovers.</summary>
internal sealed partial class ProjectionPreparation(
    LoopServices services,
    SchemaBuilder schemas,
    DocumentStores documents,
    IReadOnlyList<IFixedSchema> fixedSchemas)
{
    // Any number will do, as long as every process of this server uses the same one.
    private const long DdlLock = 0x6d61_7472_6978;

    /// <summary>Per projection what to go on with.</summary>
    public async Task<IReadOnlyDictionary<string, KeptVersions>> RunAsync(
        IReadOnlyList<IProjection> projections,
        CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await CheckpointTable.ExecuteAsync(connection, $"SELECT pg_advisory_lock({DdlLock})", cancellationToken);
        try
        {
            await MakeFixedAsync(connection, cancellationToken);
            await ForgetOtherLogAsync(connection, cancellationToken);
            var checkpoints = await CheckpointTable.ReadAllAsync(connection, cancellationToken);
            var nameToKept = new Dictionary<string, KeptVersions>(StringComparer.Ordinal);
            foreach (var projection in projections)
                nameToKept.Add(projection.Name, await KeepAsync(projection, checkpoints, cancellationToken));
            return nameToKept;
        }
        finally
        {
            await CheckpointTable.ExecuteAsync(
                connection, $"RESET client_min_messages; SELECT pg_advisory_unlock({DdlLock})", CancellationToken.None);
        }
    }

    /// <summary>Looks at what there is and changes no row of it: for those who only want to compare.</summary>
    public async Task<FoundTables> LookAsync(
        IReadOnlyList<IProjection> projections, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await MakeFixedAsync(connection, cancellationToken);
        var checkpoints = await CheckpointTable.ReadAllAsync(connection, cancellationToken);
        var remembered = await CheckpointTable.ReadFirstRecordAsync(connection, cancellationToken);
        var mismatch = await LogIdentity.FindMismatchAsync(services.Log, checkpoints, remembered, cancellationToken);
        var nameToLive = new Dictionary<string, Checkpoint>(StringComparer.Ordinal);
        foreach (var projection in projections)
        {
            var found = await schemas.FindAsync(projection.Name, cancellationToken);
            var live = checkpoints.FirstOrDefault(c => c.Projection == projection.Name && c.IsLive);
            if (live is not null && found.Contains(live.Schema, StringComparer.Ordinal))
                nameToLive.Add(projection.Name, live);
        }
        return new(nameToLive, mismatch);
    }

    /// <summary>Whether a version has the tables that this code makes.</summary>
    public bool IsCurrent(IProjection projection, Checkpoint checkpoint) =>
        checkpoint.Version == projection.Version && checkpoint.DdlHash == schemas.HashOf(projection);

    private async Task MakeFixedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await CheckpointTable.ExecuteAsync(connection, "SET client_min_messages = warning", cancellationToken);
        await CheckpointTable.CreateAsync(connection, cancellationToken);
        foreach (var fixedSchema in fixedSchemas)
            await CheckpointTable.ExecuteAsync(connection, fixedSchema.Ddl, cancellationToken);
    }

    /// <summary>PostgreSQL may come up later than this server does: the first connection is waited for, with a
    /// line.</summary>
    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var began = services.Time.GetTimestamp();
        var wait = services.Options.RetryFirst;
        while (true)
        {
            try
            {
                return await services.DataSource.OpenConnectionAsync(cancellationToken);
            }
            catch (NpgsqlException e) when (
                TransientFault.Is(e) && services.Time.GetElapsedTime(began) < services.Options.StartTimeout)
            {
                LogWaiting(services.Logger, e.Message);
                await Task.Delay(wait, services.Time, cancellationToken);
                wait = wait * 2 < services.Options.RetryMax ? wait * 2 : services.Options.RetryMax;
            }
        }
    }

    private async Task ForgetOtherLogAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var checkpoints = await CheckpointTable.ReadAllAsync(connection, cancellationToken);
        var remembered = await CheckpointTable.ReadFirstRecordAsync(connection, cancellationToken);
        var mismatch = await LogIdentity.FindMismatchAsync(services.Log, checkpoints, remembered, cancellationToken);
        if (mismatch is not null)
        {
            LogOtherLog(services.Logger, mismatch);
            foreach (var checkpoint in checkpoints)
                await schemas.DropAsync(checkpoint.Schema, cancellationToken);
        }
        if ((remembered is null || mismatch is not null)
            && await LogIdentity.ReadFirstAsync(services.Log, cancellationToken) is { } first)
        {
            await CheckpointTable.WriteFirstRecordAsync(connection, first, cancellationToken);
        }
    }

    /// <summary>Finds what this code can go on with and removes what nobody will use again.</summary>
    /// <remarks>A live version of other code stays until the new one is complete: going back to the old program costs
    /// nothing until then.</remarks>
    private async Task<KeptVersions> KeepAsync(
        IProjection projection,
        IReadOnlyList<Checkpoint> checkpoints,
        CancellationToken cancellationToken)
    {
        var found = await schemas.FindAsync(projection.Name, cancellationToken);
        var known = checkpoints.Where(c => c.Projection == projection.Name).ToArray();
        var live = known.FirstOrDefault(c => c.IsLive);
        var isLiveCurrent = live is not null && IsThere(live) && IsCurrent(projection, live);
        // What a comparison left behind takes over from nobody; a build that was asked for, or that is needed, does.
        var unfinished = known
            .Where(c => !c.IsLive && IsThere(c) && IsCurrent(projection, c) && (c.IsRebuild || !isLiveCurrent))
            .MaxBy(c => c.Generation);
        foreach (var schema in found
            .Union(known.Select(c => c.Schema), StringComparer.Ordinal)
            .Where(s => s != unfinished?.Schema && s != live?.Schema)
            .ToArray())
        {
            await schemas.DropAsync(schema, cancellationToken);
        }
        if (live is not null && !isLiveCurrent)
            LogOtherVersion(services.Logger, projection.Name, live.Schema, live.Version, projection.Version);
        var serves = live is not null && (isLiveCurrent || (IsThere(live) && CanServe(projection, live))) ? live : null;
        if (serves is not null)
            documents.Prepare(projection, serves.Schema);
        if (unfinished is not null)
            documents.Prepare(projection, unfinished.Schema);
        // The hash needed a store for the plain name; where another generation serves, nobody will use it.
        var plain = SchemaBuilder.NameOf(projection, 0);
        if (serves is not null && serves.Schema != plain && unfinished?.Schema != plain)
            documents.Forget(plain);
        return new(serves, unfinished, isLiveCurrent);

        bool IsThere(Checkpoint one) => found.Contains(one.Schema, StringComparer.Ordinal);
    }

    private static bool CanServe(IProjection projection, Checkpoint live) =>
        live.Version >= projection.ServesFrom && live.Version < projection.Version;

    [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for PostgreSQL: {error}")]
    private static partial void LogWaiting(ILogger logger, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "The read models are not from this log ({reason}); they are dropped and replayed.")]
    private static partial void LogOtherLog(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message =
        "Projection {projection}: {schema} is of version {held} (or of other tables), this server has version "
        + "{version}; building it.")]
    private static partial void LogOtherVersion(
        ILogger logger, string projection, string schema, int held, int version);
}

using Matrix.EventSourced.EventStore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

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

    /// <summary>Per projection the version to go on with (live, or an unfinished build of this version), or
    /// none.</summary>
    public async Task<IReadOnlyDictionary<string, Checkpoint>> RunAsync(
        IReadOnlyList<IProjection> projections,
        CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await CheckpointTable.ExecuteAsync(connection, $"SELECT pg_advisory_lock({DdlLock})", cancellationToken);
        try
        {
            await CheckpointTable.ExecuteAsync(connection, "SET client_min_messages = warning", cancellationToken);
            await CheckpointTable.CreateAsync(connection, cancellationToken);
            foreach (var fixedSchema in fixedSchemas)
                await CheckpointTable.ExecuteAsync(connection, fixedSchema.Ddl, cancellationToken);

            await ForgetOtherLogAsync(connection, cancellationToken);
            var checkpoints = await CheckpointTable.ReadAllAsync(connection, cancellationToken);
            var nameToKept = new Dictionary<string, Checkpoint>(StringComparer.Ordinal);
            foreach (var projection in projections)
            {
                if (await KeepAsync(projection, checkpoints, cancellationToken) is { } kept)
                    nameToKept.Add(projection.Name, kept);
            }
            return nameToKept;
        }
        finally
        {
            await CheckpointTable.ExecuteAsync(
                connection, $"RESET client_min_messages; SELECT pg_advisory_unlock({DdlLock})", CancellationToken.None);
        }
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
    private async Task<Checkpoint?> KeepAsync(
        IProjection projection,
        IReadOnlyList<Checkpoint> checkpoints,
        CancellationToken cancellationToken)
    {
        var found = await schemas.FindAsync(projection.Name, cancellationToken);
        var hash = schemas.HashOf(projection);
        var usable = checkpoints
            .Where(c => c.Projection == projection.Name && c.Version == projection.Version && c.DdlHash == hash)
            .Where(c => found.Contains(c.Schema, StringComparer.Ordinal))
            .OrderByDescending(c => c.IsLive).ThenByDescending(c => c.Generation)
            .FirstOrDefault();
        var live = checkpoints.FirstOrDefault(c => c.Projection == projection.Name && c.IsLive);
        if (usable is not null && !usable.IsLive && live?.Version == projection.Version && live.DdlHash == hash)
            usable = null;
        var known = checkpoints.Where(c => c.Projection == projection.Name).Select(c => c.Schema);
        foreach (var schema in found
            .Union(known, StringComparer.Ordinal)
            .Where(s => s != usable?.Schema && s != live?.Schema)
            .ToArray())
        {
            await schemas.DropAsync(schema, cancellationToken);
        }
        if (usable is null && live is not null)
            LogOtherVersion(services.Logger, projection.Name, live.Schema, live.Version, projection.Version);
        if (usable is not null)
            documents.Prepare(projection, usable.Schema);
        // The hash needed a store for the plain name; where another generation serves, nobody will use it.
        if (usable is not null && usable.Generation != 0)
            documents.Forget(SchemaBuilder.NameOf(projection, 0));
        return usable;
    }

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

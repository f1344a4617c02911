using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.EventStore;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>Makes and removes the PostgreSQL schemas of projections.</summary>
internal sealed class SchemaBuilder(NpgsqlDataSource dataSource, DocumentStores documents)
{
    private readonly ConcurrentDictionary<string, string> _nameToHash = new(StringComparer.Ordinal);

    /// <summary>A new, empty version with its tables and its checkpoint at the start of the log; not live
    /// yet.</summary>
    /// <param name="projection">Whose tables.</param>
    /// <param name="generation">One that no schema has.</param>
    /// <param name="isRebuild">Whether it is to take over from tables of the same version, even after a crash.</param>
    /// <param name="cancellationToken">Ends it; nothing is made then.</param>
    public async Task<Checkpoint> CreateAsync(
        IProjection projection,
        int generation,
        bool isRebuild,
        CancellationToken cancellationToken)
    {
        var schema = NameOf(projection, generation);
        var checkpoint = new Checkpoint(
            schema,
            projection.Name,
            projection.Version,
            generation,
            LogPosition.Start,
            IsLive: false,
            HashOf(projection),
            isRebuild,
            Witness: null);

        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var ddl = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};\n")
            .Append(projection.Ddl.Replace("{schema}", schema, StringComparison.Ordinal))
            .Append('\n')
            .Append(documents.DdlOf(projection, schema));
        await CheckpointTable.ExecuteAsync(connection, ddl.ToString(), cancellationToken);
        await CheckpointTable.InsertAsync(transaction, checkpoint, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return checkpoint;
    }

    public async Task DropAsync(string schema, CancellationToken cancellationToken)
    {
        documents.Forget(schema);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var delete = new NpgsqlCommand(
            "DELETE FROM projections.checkpoints WHERE schema = $1", connection, transaction))
        {
            delete.Parameters.Add(new NpgsqlParameter<string> { TypedValue = schema });
            await delete.ExecuteNonQueryAsync(cancellationToken);
        }
        await CheckpointTable.ExecuteAsync(
            connection, $"DROP SCHEMA IF EXISTS {CheckpointTable.Quoted(schema)} CASCADE", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Schemas that look like versions of this projection, whether a checkpoint knows them or not.</summary>
    public async Task<IReadOnlyList<string>> FindAsync(string projection, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT nspname::text FROM pg_namespace WHERE nspname ~ $1 ORDER BY nspname");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = $"^{projection}_v[0-9]+(_g[0-9]+)?$" });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var found = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
            found.Add(reader.GetString(0));
        return found;
    }

    /// <summary>Tells tables that were made by this very text from others with the same version number.</summary>
    /// <remarks>Cost: the first time, making a document store (hundreds of milliseconds); it is needed
    /// anyway.</remarks>
    public string HashOf(IProjection projection) => _nameToHash.GetOrAdd(projection.Name, _ => ComputeHash(projection));

    private string ComputeHash(IProjection projection)
    {
        var schema = NameOf(projection, 0);
        var text =
            projection.Ddl + documents.DdlOf(projection, schema).Replace(schema, "{schema}", StringComparison.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    public static string NameOf(IProjection projection, int generation) => generation == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{projection.Name}_v{projection.Version}")
        : string.Create(CultureInfo.InvariantCulture, $"{projection.Name}_v{projection.Version}_g{generation}");

    /// <summary>Names go into SQL as they are, so they must be plain.</summary>
    public static void CheckName(IProjection projection)
    {
        var name = projection.Name;
        var isPlain = name.Length is > 0 and <= 40 && char.IsAsciiLetterLower(name[0])
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');
        if (!isPlain || projection.Version < 0)
            throw new InvalidOperationException($"'{name}' version {projection.Version} cannot name a schema.");
    }
}

using System.Collections.Concurrent;
using JasperFx;
using Marten;
using Marten.Services;
using Npgsql;

namespace Matrix.EventSourced.Projections.Hosting;

/// <inheritdoc cref="IDocumentStoreAccess"/>
/// <remarks>
/// One store per generation of a projection, since a store is bound to one schema. Stores never look at the database's
/// tables (AutoCreate.None): the tables are part of the schema's DDL, so no first use pays for them.
/// </remarks>
public sealed class DocumentStores(NpgsqlDataSource dataSource, ProjectionRegistry registry)
    : IDocumentStoreAccess, IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<DocumentStore>> _schemaToStore = new(StringComparer.Ordinal);

    public IDocumentSession OpenSession(ProjectionBatch batch)
    {
        var options = SessionOptions.ForTransaction(batch.Transaction);
        options.Tracking = DocumentTracking.None;
        return Store(batch.Schema).OpenSession(options);
    }

    public IQuerySession QuerySession(string projection) => Store(registry.Live(projection)).QuerySession();

    /// <summary>What makes the document tables; empty for a projection without documents.</summary>
    internal string DdlOf(IProjection projection, string schema)
    {
        Prepare(projection, schema);
        return projection is IDocumentProjection ? Store(schema).Storage.ToDatabaseScript() : "";
    }

    /// <summary>Makes the store of a generation known, before anybody reads or writes in it.</summary>
    internal void Prepare(IProjection projection, string schema)
    {
        if (projection is IDocumentProjection documents)
            _schemaToStore.GetOrAdd(schema, name => new(() => Create(documents, name)));
    }

    internal void Forget(string schema)
    {
        if (_schemaToStore.TryRemove(schema, out var store) && store.IsValueCreated)
            store.Value.Dispose();
    }

    public void Dispose()
    {
        foreach (var schema in _schemaToStore.Keys.ToArray())
            Forget(schema);
    }

    private DocumentStore Store(string schema) =>
        _schemaToStore.TryGetValue(schema, out var store)
            ? store.Value
            : throw new InvalidOperationException(
                $"{schema} keeps no documents: its projection is no IDocumentProjection.");

    private DocumentStore Create(IDocumentProjection projection, string schema) => DocumentStore.For(options =>
    {
        options.Connection(dataSource);
        options.DatabaseSchemaName = schema;
        options.AutoCreateSchemaObjects = AutoCreate.None;
        options.DisableNpgsqlLogging = true;
        options.UseSystemTextJsonForSerialization(configure: json => json.TypeInfoResolver = projection.DocumentJson);
        projection.ConfigureDocuments(options);
    });
}

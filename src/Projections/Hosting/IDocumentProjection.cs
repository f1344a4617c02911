using System.Text.Json.Serialization.Metadata;
using Marten;

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>A projection that keeps documents: its document tables stand in its own schema, beside the tables of its
/// DDL.</summary>
/// <remarks>
/// Requires: <see cref="ConfigureDocuments"/> names every document type (<c>options.Schema.For&lt;T&gt;()</c>): tables
/// are made with the schema, never on first use. It is called once per generation and must give the same tables each
/// time.
/// </remarks>
public interface IDocumentProjection : IProjection
{
    void ConfigureDocuments(StoreOptions options);

    /// <summary>How documents become JSON. Reflection is the exception here: say it, or give a source-generated
    /// context.</summary>
    IJsonTypeInfoResolver DocumentJson => new DefaultJsonTypeInfoResolver();
}

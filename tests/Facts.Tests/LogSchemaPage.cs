using System.Text;
using Matrix.EventSourced.Facts.Schema;

namespace Matrix.EventSourced.Facts.Tests;

/// <summary>Writes <c>docs/log-schema.md</c> from the table.</summary>
internal static class LogSchemaPage
{
    private const string Head = """
        # The log schema

        Generated from `src/Facts/Schema`; a test keeps it current. Every record of the log is one *fact*: a stored
        name with its version, a JSON object in UTF-8, and metadata. Members with the default value (null, false,
        0, the first kind) are left out; readers skip members that they do not know. An optional member may be added
        at any time; any other change is a new version of the name, with an upcaster from the old one. The bytes of
        every fact, full and minimal, are held by `tests/Facts.Tests/Golden`.

        ## Metadata

        | member | shape | meaning |
        |---|---|---|
        | `causation` | string | The record or request that led to the fact. |
        | `correlation` | string | Joins all facts of one request. |
        | `actor` | `{user?, device?, server?, admin?}` | Who caused it; a device comes with its user. |
        | `received_at_ms` | integer | Unix milliseconds at which the request or transaction came in. |

        """;

    public static string Write()
    {
        var page = new StringBuilder(Head);
        foreach (var category in FactSchema.All.GroupBy(row => row.Category))
        {
            page.Append('\n').Append("## Stream `").Append(category.Key).Append("-…`\n");
            foreach (var row in category)
                Append(page, row);
        }
        return page.ToString();
    }

    private static void Append(StringBuilder page, FactDescription row)
    {
        page.Append("\n### `").Append(row.Name).Append("`\n\n")
            .Append(row.Summary).Append(" (`").Append(row.Type.Name).Append("`)\n\n")
            .Append("*Consumers:* ").Append(row.Consumers).Append("\n\n")
            .Append("| member | shape | may be absent | meaning |\n|---|---|---|---|\n");
        foreach (var field in row.Fields)
        {
            var isOptional = field.Shape.EndsWith('?');
            page.Append("| `").Append(field.Name).Append("` | ")
                .Append(field.Shape.AsSpan(0, field.Shape.Length - (isOptional ? 1 : 0))).Append(" | ")
                .Append(isOptional ? "yes" : "").Append(" | ")
                .Append(field.Meaning).Append(" |\n");
        }
    }
}

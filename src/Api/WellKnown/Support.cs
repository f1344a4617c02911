using System.Text.Json;
using Matrix.EventSourced.Api.Configuration;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>Whom to turn to about this server, and the key of a policy server under its name, as configured.</summary>
/// <remarks>Errors: M_NOT_FOUND where nothing is configured.</remarks>
internal static class Support
{
    public static readonly EndpointSpec SupportSpec = new(
        "GET", "/.well-known/matrix/support", AuthKind.None, RateClass.None,
        "client-server-api#getwell-knownmatrixsupport");

    public static readonly EndpointSpec PolicyServerSpec = new(
        "GET", "/.well-known/matrix/policy_server", AuthKind.None, RateClass.None,
        "client-server-api#getwell-knownmatrixpolicy_server");

    public static void Map(EndpointTable table)
    {
        table.Add(SupportSpec, static request => new(AnswerSupport(request.Get<HomeserverConfig>().Support)));
        table.Add(
            PolicyServerSpec,
            static request => new(AnswerPolicyServer(request.Get<HomeserverConfig>().PolicyServerKey)));
    }

    private static MatrixResponse AnswerSupport(SupportConfig support)
    {
        if (support.Page is null && support.Contacts.Count == 0)
            return MatrixError.NotFound("No contacts are configured.");
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            if (support.Contacts.Count > 0)
            {
                writer.WriteStartArray("contacts"u8);
                foreach (var contact in support.Contacts)
                    Write(writer, contact);
                writer.WriteEndArray();
            }
            if (support.Page is not null)
                writer.WriteString("support_page"u8, support.Page);
            writer.WriteEndObject();
        });
    }

    private static void Write(Utf8JsonWriter writer, SupportContact contact)
    {
        writer.WriteStartObject();
        writer.WriteString(contact.Address.StartsWith('@') ? "matrix_id"u8 : "email_address"u8, contact.Address);
        writer.WriteString("role"u8, contact.IsForSecurity ? "m.role.security"u8 : "m.role.admin"u8);
        writer.WriteEndObject();
    }

    private static MatrixResponse AnswerPolicyServer(string? key)
    {
        if (key is null)
            return MatrixError.NotFound("No policy server is configured.");
        return new MatrixResponse.Json(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("public_keys"u8);
            writer.WriteString("ed25519"u8, key);
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }
}

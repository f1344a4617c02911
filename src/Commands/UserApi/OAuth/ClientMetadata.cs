using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Matrix.EventSourced.Facts;

namespace Matrix.EventSourced.Commands.UserApi.OAuth;

/// <summary>What a client of the OAuth API says of itself, as far as it was taken.</summary>
/// <remarks>Spec: v1.19 client-server-api #client-metadata.</remarks>
public sealed record ClientMetadata
{
    public const string AuthorizationCode = "authorization_code";
    public const string RefreshToken = "refresh_token";
    public const string DeviceCode = "urn:ietf:params:oauth:grant-type:device_code";

    public required string ClientUri { get; init; }

    public string? ClientName { get; init; }

    public string? LogoUri { get; init; }

    public string? TosUri { get; init; }

    public string? PolicyUri { get; init; }

    public ImmutableArray<string> RedirectUris { get; init; } = [];

    public ImmutableArray<string> GrantTypes { get; init; } = [];

    public ImmutableArray<string> ResponseTypes { get; init; } = [];

    public bool IsNative { get; init; }

    /// <summary>The name to show; who gave none is called after its page.</summary>
    public string DisplayName => ClientName ?? Host;

    public string Host => new Uri(ClientUri).Host;

    /// <summary>The registered values as JSON, always the same bytes for the same values.</summary>
    public RawJson ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            WriteMembers(writer);
            writer.WriteEndObject();
        }
        return new RawJson(buffer.WrittenMemory.ToArray());
    }

    public void WriteMembers(Utf8JsonWriter writer)
    {
        writer.WriteString("client_uri"u8, ClientUri);
        WriteText(writer, "client_name", ClientName);
        WriteText(writer, "logo_uri", LogoUri);
        WriteText(writer, "tos_uri", TosUri);
        WriteText(writer, "policy_uri", PolicyUri);
        WriteTexts(writer, "redirect_uris", RedirectUris);
        WriteTexts(writer, "response_types", ResponseTypes);
        WriteTexts(writer, "grant_types", GrantTypes);
        writer.WriteString("token_endpoint_auth_method"u8, "none"u8);
        writer.WriteString("application_type"u8, IsNative ? "native" : "web");
    }

    /// <summary>Requires: it was made by <see cref="ToJson"/>.</summary>
    public static ClientMetadata FromJson(RawJson json)
    {
        using var document = JsonDocument.Parse(json.Utf8);
        var root = document.RootElement;
        return new ClientMetadata
        {
            ClientUri = Text(root, "client_uri")!,
            ClientName = Text(root, "client_name"),
            LogoUri = Text(root, "logo_uri"),
            TosUri = Text(root, "tos_uri"),
            PolicyUri = Text(root, "policy_uri"),
            RedirectUris = Texts(root, "redirect_uris"),
            ResponseTypes = Texts(root, "response_types"),
            GrantTypes = Texts(root, "grant_types"),
            IsNative = Text(root, "application_type") == "native",
        };
    }

    private static void WriteText(Utf8JsonWriter writer, string name, string? text)
    {
        if (text is not null)
            writer.WriteString(name, text);
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, ImmutableArray<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static ImmutableArray<string> Texts(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) ? [.. value.EnumerateArray().Select(one => one.GetString()!)] : [];
}

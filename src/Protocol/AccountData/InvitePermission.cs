using System.Text.Json;

namespace Matrix.EventSourced.Protocol.AccountData;

/// <summary>Reads the content of <c>m.invite_permission_config</c>. Pure.</summary>
/// <remarks>Spec: v1.19 client-server-api #invite-permission. What is missing, invalid or unknown allows
/// invites.</remarks>
public static class InvitePermission
{
    /// <summary>The type of the account data.</summary>
    public const string Type = "m.invite_permission_config";

    private static readonly JsonDocumentOptions AsDeepAsStored = new() { MaxDepth = Limits.AccountDataDepthMax };

    /// <summary>Whether the user wants no invites.</summary>
    public static bool Blocks(ReadOnlyMemory<byte> contentUtf8)
    {
        using var document = JsonDocument.Parse(contentUtf8, AsDeepAsStored);
        return document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("default_action"u8, out var action)
            && action.ValueKind == JsonValueKind.String && action.ValueEquals("block"u8);
    }
}

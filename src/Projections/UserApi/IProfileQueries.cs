using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>A profile: its fields as raw JSON values, in the order of their names.</summary>
public sealed record Profile(IReadOnlyList<KeyValuePair<string, ReadOnlyMemory<byte>>> Fields)
{
    public static readonly Profile Empty = new([]);

    /// <summary>A field's raw JSON value, or null.</summary>
    public ReadOnlyMemory<byte>? Find(string field)
    {
        foreach (var (name, value) in Fields)
        {
            if (name == field)
                return value;
        }
        return null;
    }

    /// <summary>The display name, or null when there is none.</summary>
    public string? DisplayName => FindString("displayname");

    /// <summary>The avatar's mxc URI, or null when there is none.</summary>
    public string? AvatarUrl => FindString("avatar_url");

    private string? FindString(string field)
    {
        if (Find(field) is not { } value)
            return null;
        var reader = new System.Text.Json.Utf8JsonReader(value.Span);
        return reader.Read() && reader.TokenType == System.Text.Json.JsonTokenType.String ? reader.GetString() : null;
    }
}

/// <summary>Profiles of this server's users.</summary>
public interface IProfileQueries
{
    /// <summary>The profile, or null when this server has no such (active) user.</summary>
    ValueTask<Profile?> FindAsync(UserId user, CancellationToken cancellationToken);
}

namespace Matrix.EventSourced.Protocol;

public static partial class Limits
{
    /// <summary>LIMIT: characters of an X-Matrix header. Ours: two server names, a key id and a signature fit several
    /// times.</summary>
    public const int XMatrixHeaderCharactersMax = 4096;

    /// <summary>LIMIT: how long a key list counts after it was fetched. Spec: server-server-api
    /// #publishing-keys.</summary>
    public static readonly TimeSpan KeyValidityMax = TimeSpan.FromDays(7);

    /// <summary>LIMIT: keys of one server, current and old. Ours: servers rotate keys once in years.</summary>
    public const int ServerKeysMax = 256;
}

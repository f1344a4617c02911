namespace Matrix.EventSourced.Commands.UserApi.Passwords;

/// <summary>What hashing a password costs, as configured.</summary>
/// <remarks>
/// Shape: Parallelism is 1, the only degree that the cryptographic library knows. Units: MemoryKiB, kibibytes.
/// </remarks>
public sealed record PasswordHashing(int MemoryKiB, int Passes, int Parallelism)
{
    /// <summary>19 MiB and two passes: the least that is recommended for Argon2id at one lane.</summary>
    public static readonly PasswordHashing Default = new(19_456, 2, 1);
}

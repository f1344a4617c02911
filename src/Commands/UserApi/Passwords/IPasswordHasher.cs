namespace Matrix.EventSourced.Commands.UserApi.Passwords;

/// <summary>Hashes passwords and checks them.</summary>
/// <remarks>
/// Shape: a hash is <c>$argon2id$v=19$m=…,t=…,p=1$salt$hash</c>, so that the cost may change while old hashes stay
/// good.
/// Errors: null when too many wait already; the caller answers M_LIMIT_EXCEEDED.
/// </remarks>
public interface IPasswordHasher
{
    ValueTask<string?> HashAsync(string password);

    /// <summary>
    /// Whether the password fits the hash. A null hash never fits, at the same cost: nobody learns from the time
    /// whether a user exists.
    /// </summary>
    ValueTask<bool?> VerifyAsync(string password, string? hash);
}

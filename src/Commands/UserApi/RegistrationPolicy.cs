using System.Security.Cryptography;
using System.Text;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Who may make an account.</summary>
public enum RegistrationOpenness
{
    Closed,
    Token,
    Open,
}

/// <summary>How accounts come to be, as configured.</summary>
/// <remarks>
/// Shape: SharedSecret null switches the administrators' registration off; it works in every mode otherwise.
/// </remarks>
public sealed record RegistrationPolicy(
    RegistrationOpenness Mode,
    IReadOnlyList<string> Tokens,
    bool GuestsAllowed,
    string? SharedSecret)
{
    /// <summary>
    /// Whether a registration token is one of ours. Cost: the same for every token, so that nothing is learned from the
    /// time.
    /// </summary>
    public bool AdmitsToken(string token)
    {
        var given = Encoding.UTF8.GetBytes(token);
        var admits = false;
        foreach (var known in Tokens)
            admits |= CryptographicOperations.FixedTimeEquals(given, Encoding.UTF8.GetBytes(known));
        return admits;
    }
}

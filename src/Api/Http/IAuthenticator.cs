namespace Matrix.EventSourced.Api.Http;

/// <summary>Finds whose access token it is.</summary>
/// <remarks>Spec: client-server-api #using-access-tokens. Cost: a memory look-up for tokens in use.</remarks>
public interface IAuthenticator
{
    /// <summary>
    /// The owner of a valid token; null for one that was never given out, was logged out or has expired.
    /// </summary>
    ValueTask<Requester?> FindAsync(string accessToken, CancellationToken cancellationToken);
}

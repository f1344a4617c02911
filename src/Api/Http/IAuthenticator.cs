namespace Matrix.EventSourced.Api.Http;

/// <summary>Finds whose access token it is.</summary>
/// <remarks>Spec: client-server-api #using-access-tokens. Cost: a memory look-up for tokens in use.</remarks>
public interface IAuthenticator
{
    /// <summary>
    /// The owner of a token; null for one that was never given out or was logged out. Of one that has expired the owner
    /// says so.
    /// </summary>
    ValueTask<Requester?> FindAsync(string accessToken, CancellationToken cancellationToken);
}

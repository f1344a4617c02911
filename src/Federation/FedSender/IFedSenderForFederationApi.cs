using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>What the FederationAPI tells the FedSender (edge 8).</summary>
public interface IFedSenderForFederationApi
{
    /// <summary>A signed request came from this server: it is up, so what waits for it may be tried again.</summary>
    /// <remarks>Cost: a look-up in memory when nothing waits.</remarks>
    void ServerIsAlive(ServerName origin);
}

using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.WellKnown;

/// <summary>Which versions of the spec this server speaks.</summary>
internal static class Versions
{
    public static readonly EndpointSpec Spec = new(
        "GET", "/_matrix/client/versions", AuthKind.OptionalAccessToken, RateClass.None,
        "client-server-api#get_matrixclientversions")
    { GuestsAllowed = true };

    // Clients choose their paths by this list; the old ones are there because v3 paths answer under r0 too. Two of the
    // features are in the spec, but Element Web asks for their flags alone: without the first it sets up no
    // cross-signing and verifies nobody, without the second it knows no directory of spaces.
    private static readonly MatrixResponse Answer = new MatrixResponse.RawJson(
        """
        {"versions":["r0.6.1","v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10","v1.11","v1.12",
        "v1.13","v1.14","v1.15","v1.16","v1.17","v1.18","v1.19"],"unstable_features":{
        "org.matrix.simplified_msc3575":true,"org.matrix.e2e_cross_signing":true,"org.matrix.msc3827.stable":true}}
        """u8.ToArray());

    public static void Map(EndpointTable table) => table.Add(Spec, static _ => new(Answer));
}

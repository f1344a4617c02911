using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.DelayedEvents;

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
    // The last two are of an accepted proposal that no version of the spec has yet.
    private const string Answer =
        """
        {"versions":["r0.6.1","v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10","v1.11","v1.12",
        "v1.13","v1.14","v1.15","v1.16","v1.17","v1.18","v1.19"],"unstable_features":{
        "org.matrix.simplified_msc3575":true,"org.matrix.e2e_cross_signing":true,"org.matrix.msc3827.stable":true,
        "org.matrix.msc4140":DELAYED,"org.matrix.msc4140.stable":DELAYED}}
        """;

    private static readonly MatrixResponse WithDelayedEvents = Of(hasDelayedEvents: true);
    private static readonly MatrixResponse WithoutDelayedEvents = Of(hasDelayedEvents: false);

    public static void Map(EndpointTable table) => table.Add(Spec, static request => new(
        request.Get<DelayedEventOptions>().IsEnabled ? WithDelayedEvents : WithoutDelayedEvents));

    private static MatrixResponse.RawJson Of(bool hasDelayedEvents) => new(Encoding.UTF8.GetBytes(
        Answer.Replace("DELAYED", hasDelayedEvents ? "true" : "false", StringComparison.Ordinal)));
}

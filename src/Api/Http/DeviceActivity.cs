using Matrix.EventSourced.Projections.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Api.Http;

// HOT: asked for every request with a token.

/// <summary>Notes which devices are used, from which address and by which program.</summary>
/// <remarks>The address is the one that rate limits count by: a proxy's word is taken where it is trusted.</remarks>
public sealed class DeviceActivity(DeviceSightings sightings, TrustedProxies proxies)
{
    public void Note(HttpContext http, UserId user, string deviceId, long nowMs)
    {
        if (deviceId.Length == 0 || sightings.IsNoted(user, deviceId))
            return;
        var userAgent = http.Request.Headers.UserAgent.ToString();
        if (userAgent.Length > Limits.UserAgentCharsMax)
        {
            // Half a surrogate pair has no UTF-8, and PostgreSQL would refuse the whole round for it.
            var end = Limits.UserAgentCharsMax;
            userAgent = userAgent[..(char.IsHighSurrogate(userAgent[end - 1]) ? end - 1 : end)];
        }
        sightings.Note(
            user,
            deviceId,
            new DeviceSighting(nowMs, proxies.ClientAddress(http), userAgent.Length > 0 ? userAgent : null));
    }
}

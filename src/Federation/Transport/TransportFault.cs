using System.Net.Sockets;
using System.Security.Authentication;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>An address that may not be contacted was the only one there is.</summary>
internal sealed class DeniedAddressException(string message) : IOException(message);

/// <summary>What the network's exceptions mean.</summary>
internal static class TransportFault
{
    /// <summary>The innermost reason: the outer ones only say that a request failed.</summary>
    public static string Describe(Exception problem)
    {
        for (var inner = problem; inner is not null; inner = inner.InnerException)
        {
            if (inner is SocketException or AuthenticationException or DeniedAddressException
                || inner.InnerException is null)
            {
                return inner.Message;
            }
        }
        return problem.Message;
    }

    public static bool IsDenied(Exception problem)
    {
        for (var inner = problem; inner is not null; inner = inner.InnerException!)
        {
            if (inner is DeniedAddressException)
                return true;
        }
        return false;
    }

    /// <summary>Whether the request cannot have reached anybody, so that the next place may be tried.</summary>
    public static bool IsBeforeSending(Exception problem) => problem is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError,
    };
}

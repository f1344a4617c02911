using System.Diagnostics.Metrics;

namespace Matrix.EventSourced.Federation.Transport;

/// <summary>Counts outgoing requests by what became of them, and how long they took.</summary>
/// <remarks>Destinations are no labels: there are too many.</remarks>
internal static class TransportMeter
{
    private static readonly Meter Meter = new("Matrix.EventSourced.Federation.Transport");

    private static readonly Counter<long> Requests = Meter.CreateCounter<long>(
        "federation_requests", description: "Requests to other servers, by outcome.");

    private static readonly Histogram<double> Durations = Meter.CreateHistogram<double>(
        "federation_request_duration", "ms", "How long requests to other servers took.");

    public static void Record(FederationAnswer answer, TimeSpan elapsed)
    {
        var outcome = new KeyValuePair<string, object?>("outcome", answer switch
        {
            FederationAnswer.Answered { Status: 200 } => "ok",
            FederationAnswer.Answered => "refused",
            FederationAnswer.TimedOut => "timed_out",
            FederationAnswer.Denied => "denied",
            FederationAnswer.TooLarge => "too_large",
            _ => "unreachable",
        });
        Requests.Add(1, outcome);
        Durations.Record(elapsed.TotalMilliseconds, outcome);
    }
}

using System.Diagnostics.Metrics;

namespace Matrix.EventSourced.Federation.FedSender;

/// <summary>Counts what is sent.</summary>
internal static class FedSenderMeter
{
    private static readonly Meter Meter = new("Matrix.EventSourced.Federation.FedSender");

    private static readonly Counter<long> Transactions = Meter.CreateCounter<long>(
        "federation_transactions", description: "Transactions, by outcome.");

    private static readonly Counter<long> Pdus = Meter.CreateCounter<long>(
        "federation_pdus_sent", description: "PDUs in transactions that were taken, once per destination.");

    private static readonly Counter<long> Edus = Meter.CreateCounter<long>(
        "federation_edus_sent", description: "EDUs in transactions that were taken, once per destination.");

    public static void Delivered(OutgoingTransaction transaction)
    {
        Transactions.Add(1, new KeyValuePair<string, object?>("outcome", "taken"));
        Pdus.Add(transaction.Pdus);
        Edus.Add(transaction.Edus);
    }

    public static void Failed() => Transactions.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
}

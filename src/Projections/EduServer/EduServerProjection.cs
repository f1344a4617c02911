using System.Collections.Frozen;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Projections.Hosting;

namespace Matrix.EventSourced.Projections.EduServer;

/// <summary>The read model of EDUs: who types, who has read up to where, who is there.</summary>
/// <remarks>After a batch committed, <see cref="LiveEdus"/> learns what is new and wakes whom it concerns.</remarks>
public sealed class EduServerProjection(LiveEdus live) : IProjection
{
    public const string ProjectionName = "eduserver";

    /// <summary>What reads of this component wait for.</summary>
    public static readonly ReadOnlyMemory<string> Gate = new[] { ProjectionName };

    public string Name => ProjectionName;

    public int Version => 1;

    public FrozenSet<string> Handles { get; } = FrozenSet.Create(
        StringComparer.Ordinal, FactNames.TypingChanged, FactNames.ReceiptRecorded, FactNames.PresenceChanged);

    public string Ddl => EduServerSchema.Ddl;

    public async ValueTask ApplyAsync(ProjectionBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Facts.Count > 0)
            await EduRows.From(batch.Facts).WriteAsync(batch, cancellationToken);
    }

    public void WentLive(string schema, LogPosition upTo) => live.Reset((long)upTo.Value);

    public void Committed(ProjectionBatch batch)
    {
        foreach (var record in batch.Facts)
        {
            var position = (long)record.Record.Position.Value;
            switch (record.Fact)
            {
                case TypingChanged { IsContinued: false } typing:
                    live.RoomChanged(typing.RoomId.Value, position);
                    break;
                case ReceiptRecorded receipt:
                    var onlyFor = receipt.Type == ReceiptTypes.ReadPrivate ? receipt.UserId.Value : null;
                    live.RoomChanged(receipt.RoomId.Value, position, onlyFor);
                    break;
                // One that is said again is news to other servers only.
                case PresenceChanged { IsRepeated: false } presence:
                    live.PresenceChanged(presence.UserId.Value, position);
                    break;
            }
        }
    }
}

/// <summary>The types of receipts.</summary>
public static class ReceiptTypes
{
    public const string Read = "m.read";

    /// <summary>Shown to its own user only, and sent to no other server.</summary>
    public const string ReadPrivate = "m.read.private";
}

using Matrix.EventSourced.Projections.Relations;
using Matrix.EventSourced.Projections.Roomserver;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Reads events that another projection found, in the order in which it found them.</summary>
internal static class PlacedEvents
{
    public static async ValueTask<List<StoredEvent>> ReadPlacedAsync(
        this RoomReader reader, IReadOnlyList<PlacedEvent> placed, CancellationToken cancellationToken)
    {
        var batch = reader.Begin();
        var found = batch.AcceptedEvents([.. placed.Select(entry => entry.EventId)]);
        await batch.ExecuteAsync(cancellationToken);
        var idToEvent = found.ToDictionary(stored => stored.EventId);
        var events = new List<StoredEvent>(placed.Count);
        foreach (var entry in placed)
        {
            if (idToEvent.TryGetValue(entry.EventId, out var stored))
                events.Add(stored);
        }
        return events;
    }
}

using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.StateResolution;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <content>What other servers made.</content>
internal sealed partial class RoomWorker
{
    private readonly AuthGraph _graph = new();

    /// <summary>What the room speaks of and does not have; null until it is asked for.</summary>
    private RoomGaps? _gaps;

    private async Task ReceiveAsync(InputWork work)
    {
        for (var attempt = 0; attempt < RoomWorkerServices.AttemptsMax && !work.IsAnswered; attempt++)
        {
            try
            {
                if (!await TryReceiveAsync(work))
                    Forget();
            }
            catch (Exception problem)
            {
                Forget();
                if (problem is InvariantException && !IsQuarantined)
                    Quarantine(problem);
                else if (problem is not InvariantException)
                    _services.Logger.CommandFailed(_roomId.Value, work.Input.GetType().Name, problem);
                work.Refuse(ErrorOf(problem));
            }
        }
        if (!work.IsAnswered)
            work.Refuse(new MatrixError(503, ErrCodes.Unknown, "Too many writers at once; try again.", "conflicts"));
    }

    /// <summary>Decides and appends; false when it must be decided again on a newer state of the log.</summary>
    private async ValueTask<bool> TryReceiveAsync(InputWork work)
    {
        await LoadAsync();
        _gaps ??= new RoomGaps(
            await _services.Graph.MissingLinksAsync(_roomId),
            await _services.Graph.RedactionsInWaitingAsync(_roomId));
        var annotation = AnnotationOf(work.Input);
        if (annotation is { Key: var sent, EventId: var own } && _annotations.Find(sent) is { } standing
            && standing != own)
        {
            work.Refuse(AnnotationKey.Duplicate);
            return true;
        }
        var session = new InputSession(_roomId, _room, _services, _graph, _gaps, _loadedAt)
        {
            Metadata = RoomWorkerServices.MetadataOf(work.Input.Context),
            Policy = _policy,
        };
        if (await work.Input.DecideAsync(session) is { } error)
        {
            // What was decided on the way goes nowhere; the gaps that it changed are read again.
            _gaps = null;
            work.Refuse(error);
            return true;
        }
        var records = session.OrderedRecords();
        // What is missing here may have come through another process; with nothing to append no conflict would say so.
        if (records.Count == 0 && session.Outcomes.Exists(outcome => outcome is InputOutcome.Missing)
            && await _services.Store.ReadLastRevisionAsync(_roomId) != session.Before?.Revision)
            return false;
        if (records.Count > 0)
        {
            if (session.Nodes.Count > 0)
                await _services.Store.WriteNodesAsync(session.Nodes);
            var result = await AppendRecordsAsync(session.Before, records);
            if (result is not AppendResult.Appended appended || appended.Revision != session.Room!.Revision)
                return false;
            var request = (work.Input as RecordOwnPdu)?.Command.Transaction;
            if (request is not null
                && !await _services.Store.HoldsAsync(_roomId, appended.Revision, records[^1].Data))
                return false;
            await SettleAsync(session, appended.Position);
            if (annotation is { } recorded)
                _annotations.Remember(recorded.Key, recorded.EventId);
            if (request is { } key)
                _answers.Remember(key, ((RecordOwnPdu)work.Input).Decided.Pdu.EventId);
        }
        Log(session, work.Input);
        work.Answer(new InputAnswer.Done([.. session.Outcomes]));
        return true;
    }

    private async ValueTask SettleAsync(InputSession session, LogPosition position)
    {
        var isOtherState = session.Room!.Current.Root != session.Before?.Current.Root;
        _room = session.Room with { Position = position };
        if (isOtherState || session.Redacted.Count > 0)
        {
            _entries.Clear();
            await KeepEntriesAsync(session);
        }
        Keep(session.Pdus.Decided, session.Redacted);
    }

    /// <summary>What every look at the room needs is at hand after an input that brought it: the tables have a large
    /// room only seconds after its join.</summary>
    private async ValueTask KeepEntriesAsync(InputSession session)
    {
        foreach (var tuple in new[] { RoomTuples.PowerLevels, RoomTuples.JoinRules })
        {
            if (await session.Room!.Current.GetAsync(tuple) is { } eventId
                && !session.Redacted.Contains(eventId)
                && session.Pdus.FindHere(eventId) is { } here)
                _entries.Set(tuple, here.Pdu);
        }
    }

    private void Keep(List<DecidedBefore> decided, List<EventId> redacted)
    {
        foreach (var one in decided)
            _services.Store.Decided.Keep(one);
        foreach (var eventId in redacted)
        {
            _services.Store.Decided.Forget(eventId);
            _annotations.Redact(eventId);
        }
    }

    private void Log(InputSession session, RoomInput input)
    {
        for (var i = 0; i < session.Outcomes.Count; i++)
        {
            if (session.Outcomes[i] is InputOutcome.Recorded { Reason: { } reason } recorded
                && input is ReceivePdus received)
            {
                _services.Logger.PduNotAccepted(
                    received.Pdus[i].Pdu.EventId.Value, _roomId.Value, recorded.Disposition, reason);
            }
        }
    }
}

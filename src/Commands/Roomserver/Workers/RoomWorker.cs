using System.Data.Common;
using System.Threading.Channels;
using Matrix.EventSourced.Commands.Roomserver.Input;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.EventAuth;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.State;
using Microsoft.Extensions.Logging;

namespace Matrix.EventSourced.Commands.Roomserver.Workers;

/// <summary>The one writer of a room.</summary>
/// <remarks>
/// <code>
///   queue ─► take some ─► decide each on the state that the one before made ─► state nodes ─► one append ─► answers
/// (bounded)                  ▲                                                                   │ conflict
///                            └── load the room again, decide one by one, at most three times ◄───┘
/// </code>
/// LOCK: room queue → state store → append. INVARIANT: one read of the queue at a time; nothing else touches this
/// object's state.
/// A broken invariant puts the room into quarantine: it answers 500 and appends nothing until the process restarts.
/// </remarks>
internal sealed partial class RoomWorker
{
    private readonly RoomId _roomId;
    private readonly RoomWorkerServices _services;
    private readonly StreamName _stream;
    private readonly Channel<RoomWork> _queue;
    private readonly RoomEntries _entries;
    private readonly TransactionAnswers _answers = new();
    private RoomState? _room;
    private bool _isLoaded;
    private long _loadedAt;
    private string? _quarantinedBecause;

    public RoomWorker(RoomId roomId, RoomWorkerServices services)
    {
        _roomId = roomId;
        _services = services;
        _stream = RoomStore.StreamOf(roomId);
        _entries = new RoomEntries(services.Store);
        _queue = Channel.CreateBounded<RoomWork>(
            new BoundedChannelOptions(Limits.RoomQueueMax)
            {
                SingleReader = true,
                FullMode = BoundedChannelFullMode.Wait,
            });
        Stopped = RunAsync();
    }

    /// <summary>Ends after <see cref="Stop"/>, once everything queued was answered.</summary>
    public Task Stopped { get; }

    /// <summary>How many callers wait for an answer; kept by the registry, which stops a worker only when it is
    /// zero.</summary>
    public int Callers { get; set; }

    public bool IsQuarantined => _quarantinedBecause is not null;

    /// <summary>Waits for a place in the queue; false when the worker takes no more work.</summary>
    public async ValueTask<bool> TryEnqueueAsync(RoomWork work)
    {
        while (!_queue.Writer.TryWrite(work))
        {
            if (!await _queue.Writer.WaitToWriteAsync())
                return false;
        }
        return true;
    }

    public void Stop() => _queue.Writer.TryComplete();

    private async Task RunAsync()
    {
        await Task.Yield();
        var commands = new List<CommandWork>();
        var reader = _queue.Reader;
        while (await reader.WaitToReadAsync())
        {
            commands.Clear();
            RoomWork? other = null;
            while (other is null && commands.Count < Limits.RoomBatchMax && reader.TryRead(out var work))
            {
                if (work is CommandWork command)
                    commands.Add(command);
                else
                    other = work;
            }
            await PerformAsync(commands);
            if (other is ReadWork read)
                await AnswerAsync(read);
            else if (other is InputWork input)
                await ReceiveAsync(input);
            _entries.Trim();
        }
    }

    private async Task PerformAsync(List<CommandWork> works)
    {
        if (works.Count == 0 || (works.Count > 1 && await TryPerformAsync(works)))
            return;
        foreach (var work in works)
        {
            for (var attempt = 0; attempt < RoomWorkerServices.AttemptsMax && !work.IsAnswered; attempt++)
                await TryPerformAsync([work]);
            if (!work.IsAnswered)
                work.Refuse(
                    new MatrixError(503, ErrCodes.Unknown, "Too many writers at once; try again.", "conflicts"));
        }
    }

    /// <summary>Decides and appends; false when something must be decided again.</summary>
    private async Task<bool> TryPerformAsync(List<CommandWork> works)
    {
        try
        {
            await LoadAsync();
            var group = new RoomGroup(_room);
            foreach (var work in works)
            {
                if (work.IsAnswered)
                    continue;
                await DecideAsync(work, group);
                if (group.Bytes < Limits.RoomAppendBytesMax)
                    continue;
                if (!await AppendAsync(group))
                    return Forget();
                group = new RoomGroup(_room);
            }
            return await AppendAsync(group) || Forget();
        }
        catch (Exception problem)
        {
            // The one catch of the room's loop. Of several commands it is not known which one fails, so they are tried
            // one by one.
            Forget();
            if (problem is InvariantException && !IsQuarantined)
                Quarantine(problem);
            if (works.Count == 1 || IsQuarantined || IsOfTheWorld(problem))
                Refuse(works, problem);
            return false;
        }
    }

    private async ValueTask LoadAsync()
    {
        Invariant.Holds(!IsQuarantined, _quarantinedBecause);
        if (_isLoaded)
            return;
        _loadedAt = _services.Store.Decided.Now;
        _room = await _services.Store.LoadAsync(_roomId);
        _isLoaded = true;
    }

    private async ValueTask DecideAsync(CommandWork work, RoomGroup group)
    {
        var command = work.Command;
        if (command.Transaction is { } key && (_answers.Find(key) ?? group.Find(key)) is { } first)
        {
            group.AnswerUnwritten(work, first, isCertain: true);
            return;
        }
        var decision = IsDuplicate(command, group)
            ? new RoomDecision.Refused(AnnotationKey.Duplicate)
            : await DecideAsync(command, group.Room);
        switch (decision)
        {
            case RoomDecision.Accepted accepted when await FindUnsignedAsync(accepted, group.Room) is { } unsigned:
                if (await FindFirstAnswerAsync(command) is { } before)
                    group.AnswerUnwritten(work, before, isCertain: true);
                else
                    group.AnswerUnwritten(work, unsigned);
                break;
            case RoomDecision.Accepted accepted:
                foreach (var decided in accepted.Pdus)
                    await RecordAsync(decided, command, group);
                group.Accept(work, accepted.Pdus.IsEmpty ? null : accepted.Pdus[^1].Pdu.EventId);
                break;
            case RoomDecision.AlreadyDone done:
                group.AnswerUnwritten(work, done.EventId, isCertain: false);
                break;
            case RoomDecision.Refused refused:
                // What is refused now may have been accepted when it was first asked for: the first answer stays the
                // answer.
                if (await FindFirstAnswerAsync(command) is { } answered)
                    group.AnswerUnwritten(work, answered, isCertain: true);
                else
                    group.AnswerUnwritten(work, new RoomAnswer.Refused(refused.Error));
                break;
        }
    }

    private async ValueTask<RoomDecision> DecideAsync(RoomCommand command, RoomState? room)
    {
        if (room is not { IsPresent: true })
            return command.DecideUnknown();
        var loader = new Loader(room, _entries);
        await loader.LoadAsync(RoomTuples.PowerLevels);
        await command.LoadAsync(loader);
        var inputs = new DecisionInputs(_services.Identity, _services.Clock.GetUtcNow().ToUnixTimeMilliseconds());
        // Commands load what they usually need; a content can make the rules look at some more.
        for (var loaded = 0; ; loaded++)
        {
            try
            {
                return command.Decide(loader.View, inputs);
            }
            catch (EntryNotLoadedException missing) when (loaded < RoomWorkerServices.LateEntriesMax)
            {
                await loader.LoadAsync(missing.Tuple);
            }
        }
    }

    private async ValueTask RecordAsync(DecidedPdu decided, RoomCommand command, RoomGroup group)
    {
        var before = group.Room;
        var (after, fact) = await RoomEvolution.RecordAsync(before, decided, command, _services.Identity.Name);
        if (before is not { IsPresent: true } || !ReferenceEquals(before.Current, after.Current))
        {
            foreach (var node in after.Current.NewNodesSince(before?.Current ?? StateMap.Empty))
                group.Nodes.Add(new(node.Hash, node.Bytes));
        }
        var (type, data) = FactCodec.Encode(fact);
        var recordId = command.Transaction is { } key ? TransactionRecordIds.Of(key) : _services.NewRecordId();
        group.HasNewRecordIds |= command.Transaction is null;
        group.Add(new NewRecord(recordId, type, data, RoomWorkerServices.MetadataOf(command.Context)));
        group.Room = after;
        _entries.Take(decided);
        group.Decided.Add(new DecidedBefore(decided.Pdu, fact.Disposition, fact.StateBefore));
        if (decided.RedactsApplied is { } redacted)
            group.Redacted.Add(redacted);
        else
            _gaps?.Wait(decided.Pdu);
    }

    private async ValueTask<EventId?> FindFirstAnswerAsync(RoomCommand command) => command.Transaction is { } key
        ? await _services.Transactions.FindAsync(_roomId, key.UserId, key.DeviceId, key.Scope, key.TransactionId)
        : null;

    /// <summary>Appends the group and answers it; false when the log is not where this worker thought.</summary>
    private async ValueTask<bool> AppendAsync(RoomGroup group)
    {
        if (group.Count == 0)
            return true;
        if (group.Records.Count == 0)
        {
            if (group.HasUnwritten && await _services.Store.ReadLastRevisionAsync(_roomId) != group.Before?.Revision)
                return false;
            group.Answer(group.Before?.Position ?? LogPosition.Start, _answers);
            return true;
        }
        if (group.Nodes.Count > 0)
            await _services.Store.WriteNodesAsync(group.Nodes);
        switch (await AppendRecordsAsync(group.Before, group.Records))
        {
            case AppendResult.Appended appended
                when appended.Revision == group.Room!.Revision && await IsAppendedNowAsync(group, appended):
                _room = group.Room with { Position = appended.Position };
                KeepAnnotations(group);
                Keep(group.Decided, group.Redacted);
                group.Answer(appended.Position, _answers);
                return true;
            case AppendResult.Appended known when group.Count == 1:
                return await AnswerFromLogAsync(known, group);
            default:
                return false;
        }
    }

    /// <summary>Whether the append is this group's; false where another process had sent the very same requests, to
    /// the very same revision, before this worker heard of it.</summary>
    /// <remarks>Cost: one read where all PDUs are of requests with transaction ids; other record ids never come
    /// twice.</remarks>
    private async ValueTask<bool> IsAppendedNowAsync(RoomGroup group, AppendResult.Appended appended) =>
        group.HasNewRecordIds
        || await _services.Store.HoldsAsync(_roomId, appended.Revision, group.Records[^1].Data);

    /// <summary>The log holds this request's PDU since long ago: its answer is the first one.</summary>
    private async ValueTask<bool> AnswerFromLogAsync(AppendResult.Appended known, RoomGroup group)
    {
        Invariant.Holds(group.OnlyWork.Command.Transaction is not null, "only a request's record id comes twice");
        var first = await _services.Store.ReadFactAsync(_roomId, known.Revision);
        var repeated = new RoomGroup(group.Before);
        repeated.Accept(group.OnlyWork, first.EventId);
        repeated.Answer(known.Position, _answers);
        Forget();
        return true;
    }

    /// <summary>One append, unless a single command needs more than one may hold (a room founded with very large
    /// state).</summary>
    private async ValueTask<AppendResult> AppendRecordsAsync(RoomState? before, List<NewRecord> records)
    {
        AppendResult result = new AppendResult.Conflict(null);
        var revision = before?.Revision;
        for (var start = 0; start < records.Count;)
        {
            var count = RoomWorkerServices.CountThatFits(records, start);
            var expected = revision is { } last ? ExpectedRevision.Exactly(last) : ExpectedRevision.NoStream;
            result = await _services.Log.AppendAsync(_stream, expected, records.GetRange(start, count));
            if (result is not AppendResult.Appended appended)
            {
                return start == 0
                    ? result
                    : throw new EventStoreException("Another process wrote between the parts of one command.");
            }
            start += count;
            revision = appended.Revision;
        }
        return result;
    }

    private async Task AnswerAsync(ReadWork read)
    {
        try
        {
            await LoadAsync();
            if (_room is null || await _services.Store.ReadLastRevisionAsync(_roomId) != _room.Revision)
            {
                Forget();
                await LoadAsync();
            }
            if (_room is not { IsPresent: true })
            {
                read.Answer(new RoomReading.Unknown());
                return;
            }
            var tuples = new List<StateTuple>(read.Tuples) { RoomTuples.PowerLevels };
            foreach (var tuple in tuples)
                await _entries.LoadAsync(_room, tuple);
            if (read.Load is { } load)
                await load(new Loader(_room, _entries));
            var loaded = read.Load is null ? _entries.Copy(tuples) : _entries.Copy([.. _entries.Loaded.Keys]);
            read.Answer(new RoomReading.Found(new RoomView(_room, loaded, new ParsedPowerLevels())));
        }
        catch (Exception problem)
        {
            Forget();
            if (problem is InvariantException && !IsQuarantined)
                Quarantine(problem);
            read.Refuse(ErrorOf(problem));
        }
    }

    /// <summary>What is in memory may be wrong; the next command loads the room again. Always false, for callers that
    /// return it.</summary>
    private bool Forget()
    {
        _isLoaded = false;
        _room = null;
        _gaps = null;
        _entries.Clear();
        _annotations.Clear();
        return false;
    }

    private void Quarantine(Exception problem)
    {
        _quarantinedBecause = problem.Message;
        _services.Health.Quarantine(_roomId, problem.Message);
        _services.Logger.RoomQuarantined(_roomId.Value, problem);
    }

    private void Refuse(List<CommandWork> works, Exception problem)
    {
        if (problem is not InvariantException)
            _services.Logger.CommandFailed(_roomId.Value, works[0].Command.Name, problem);
        foreach (var work in works)
            work.Refuse(ErrorOf(problem));
    }

    private MatrixError ErrorOf(Exception problem) => IsOfTheWorld(problem)
        ? new MatrixError(503, ErrCodes.Unknown, "The server cannot reach its storage; try again.", problem.Message)
        : new MatrixError(
            500, ErrCodes.Unknown, "This room cannot be used at the moment.", _quarantinedBecause ?? problem.Message);

    /// <summary>Storage that is out of reach, as opposed to a mistake of ours.</summary>
    private static bool IsOfTheWorld(Exception problem) =>
        problem is EventStoreException or DbException or TimeoutException or IOException;

    private sealed class Loader(RoomState room, RoomEntries entries) : IRoomLoader
    {
        public RoomView View { get; } = new(room, entries.Loaded, entries.Levels);

        public ValueTask LoadAsync(StateTuple tuple) => entries.LoadAsync(room, tuple);

        public async ValueTask LoadAnyJoinedMemberAsync(ServerName server)
        {
            await foreach (var entry in room.Current.EntriesOfTypeAsync(EventTypes.Member))
            {
                if (!UserId.TryParse(entry.Tuple.StateKey, out var userId) || userId.Server != server)
                    continue;
                await entries.LoadAsync(room, entry.Tuple);
                if (View.MembershipOf(userId) == Membership.Join)
                    return;
            }
        }
    }
}

using System.Globalization;
using Matrix.EventSourced.EventStore.Wire;
using Nothing = Google.Protobuf.WellKnownTypes.Empty;

namespace Matrix.EventSourced.EventStore.Gateway;

/// <summary>Expected revisions as the protocol writes them: each message has the four cases in fields of its
/// own.</summary>
internal static class WireRevisions
{
    public static ExpectedRevision Read(AppendReq.Types.Options options) => options.ExpectedStreamRevisionCase switch
    {
        AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.Revision => Exactly(options.Revision),
        AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.NoStream => ExpectedRevision.NoStream,
        AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.Any => ExpectedRevision.Any,
        AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.StreamExists => ExpectedRevision.StreamExists,
        _ => throw Missing(),
    };

    public static ExpectedRevision Read(DeleteReq.Types.Options options) => options.ExpectedStreamRevisionCase switch
    {
        DeleteReq.Types.Options.ExpectedStreamRevisionOneofCase.Revision => Exactly(options.Revision),
        DeleteReq.Types.Options.ExpectedStreamRevisionOneofCase.NoStream => ExpectedRevision.NoStream,
        DeleteReq.Types.Options.ExpectedStreamRevisionOneofCase.Any => ExpectedRevision.Any,
        DeleteReq.Types.Options.ExpectedStreamRevisionOneofCase.StreamExists => ExpectedRevision.StreamExists,
        _ => throw Missing(),
    };

    public static ExpectedRevision Read(TombstoneReq.Types.Options options) =>
        options.ExpectedStreamRevisionCase switch
        {
            TombstoneReq.Types.Options.ExpectedStreamRevisionOneofCase.Revision => Exactly(options.Revision),
            TombstoneReq.Types.Options.ExpectedStreamRevisionOneofCase.NoStream => ExpectedRevision.NoStream,
            TombstoneReq.Types.Options.ExpectedStreamRevisionOneofCase.Any => ExpectedRevision.Any,
            TombstoneReq.Types.Options.ExpectedStreamRevisionOneofCase.StreamExists => ExpectedRevision.StreamExists,
            _ => throw Missing(),
        };

    public static ExpectedRevision Read(BatchAppendReq.Types.Options options) =>
        options.ExpectedStreamPositionCase switch
        {
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamPosition =>
                Exactly(options.StreamPosition),
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.NoStream => ExpectedRevision.NoStream,
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.Any => ExpectedRevision.Any,
            BatchAppendReq.Types.Options.ExpectedStreamPositionOneofCase.StreamExists => ExpectedRevision.StreamExists,
            _ => throw Missing(),
        };

    /// <summary>As one number: the three cases that are no revision are negative.</summary>
    public static string Number(ExpectedRevision expected)
    {
        var number = expected.Revision
            ?? (expected == ExpectedRevision.NoStream ? -1 : expected == ExpectedRevision.Any ? -2 : -4);
        return number.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The answer of an append that met another revision.</summary>
    public static AppendResp.Types.WrongExpectedVersion Conflict(ExpectedRevision expected, long? actual)
    {
        var answer = new AppendResp.Types.WrongExpectedVersion();
        if (actual is { } revision)
            answer.CurrentRevision = answer.CurrentRevision2060 = (ulong)revision;
        else
            answer.CurrentNoStream = answer.NoStream2060 = new Empty();
        if (expected.Revision is { } exact)
            answer.ExpectedRevision = answer.ExpectedRevision2060 = (ulong)exact;
        else if (expected == ExpectedRevision.Any)
            answer.ExpectedAny = answer.Any2060 = new Empty();
        else if (expected == ExpectedRevision.StreamExists)
            answer.ExpectedStreamExists = answer.StreamExists2060 = new Empty();
        else
            answer.ExpectedNoStream = new Empty();
        return answer;
    }

    /// <summary>The same as the detail of an answer in a batch.</summary>
    public static WrongExpectedVersion BatchConflict(ExpectedRevision expected, long? actual)
    {
        var answer = new WrongExpectedVersion();
        if (actual is { } revision)
            answer.CurrentStreamRevision = (ulong)revision;
        else
            answer.CurrentNoStream = new Nothing();
        if (expected.Revision is { } exact)
            answer.ExpectedStreamPosition = (ulong)exact;
        else if (expected == ExpectedRevision.Any)
            answer.ExpectedAny = new Nothing();
        else if (expected == ExpectedRevision.StreamExists)
            answer.ExpectedStreamExists = new Nothing();
        else
            answer.ExpectedNoStream = new Nothing();
        return answer;
    }

    private static ExpectedRevision Exactly(ulong revision) => revision <= long.MaxValue
        ? ExpectedRevision.Exactly((long)revision)
        : throw GatewayRefusal.BadRequest("There is no such revision.");

    private static GatewayRefusal Missing() => GatewayRefusal.BadRequest("An expected revision is needed.");
}

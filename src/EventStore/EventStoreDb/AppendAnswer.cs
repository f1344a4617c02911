using Matrix.EventSourced.EventStore.Wire;

namespace Matrix.EventSourced.EventStore.EventStoreDb;

/// <summary>What a node's answer to an append means.</summary>
internal abstract record AppendAnswer
{
    private AppendAnswer() { }

    /// <summary>For the caller. Shape: the position of Appended is the start where the node did not say it.</summary>
    public sealed record Final(AppendResult Result) : AppendAnswer;

    /// <summary>The node will never take it; the caller hears why.</summary>
    public sealed record Refused(Exception Problem) : AppendAnswer;

    /// <summary>Nobody knows: the same ids have to be sent again.</summary>
    public sealed record Unknown(string Reason) : AppendAnswer;

    public static AppendAnswer From(BatchAppendResp answer)
    {
        if (answer.ResultCase == BatchAppendResp.ResultOneofCase.Success)
        {
            var success = answer.Success;
            return Appended(success.CurrentRevision, success.Position?.CommitPosition);
        }
        return From(answer.Error);
    }

    public static AppendAnswer From(AppendResp answer)
    {
        if (answer.ResultCase == AppendResp.ResultOneofCase.Success)
            return Appended(answer.Success.CurrentRevision, answer.Success.Position?.CommitPosition);
        var wrong = answer.WrongExpectedVersion;
        return Conflict(
            wrong.CurrentRevisionOptionCase
                == AppendResp.Types.WrongExpectedVersion.CurrentRevisionOptionOneofCase.CurrentRevision
                ? (long)wrong.CurrentRevision
                : null);
    }

    public static AppendAnswer TooLarge() => new Refused(new ArgumentException(
        $"An append holds at most {EventStoreLimits.AppendBytesMax} bytes; the node counts type names too."));

    private static AppendAnswer From(Status error)
    {
        var details = error.Details;
        if (details is not null)
        {
            if (details.TryUnpack<WrongExpectedVersion>(out var wrong))
            {
                return Conflict(
                    wrong.CurrentStreamRevisionOptionCase
                        == WrongExpectedVersion.CurrentStreamRevisionOptionOneofCase.CurrentStreamRevision
                        ? (long)wrong.CurrentStreamRevision
                        : null);
            }
            if (details.Is(StreamDeleted.Descriptor))
                return new Final(new AppendResult.Tombstoned());
            if (details.Is(MaximumAppendSizeExceeded.Descriptor))
                return TooLarge();
            if (details.Is(Wire.Timeout.Descriptor))
                return new Unknown("the node ran out of time");
            if (details.Is(AccessDenied.Descriptor))
                return new Refused(new EventStoreException("The node denies access to the stream."));
        }
        return error.Code switch
        {
            Code.AlreadyExists => Conflict(null),
            Code.DeadlineExceeded or Code.Unavailable or Code.Aborted or Code.Cancelled or Code.Internal
                or Code.ResourceExhausted => new Unknown($"{error.Code}: {error.Message}"),
            _ => new Refused(new EventStoreException($"The node refused an append: {error.Code}: {error.Message}")),
        };
    }

    private static Final Appended(ulong revision, ulong? position) =>
        new(new AppendResult.Appended((long)revision, new LogPosition(position ?? 0)));

    private static Final Conflict(long? actual) => new(new AppendResult.Conflict(actual));
}

using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Gives out the id of media that will be uploaded later.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #post_matrixmediav1create.
/// Errors: M_LIMIT_EXCEEDED while too many ids of the user wait for their content; M_FORBIDDEN at the quota.
/// </remarks>
public sealed record CreateMedia(CommandContext Context, UserId UserId) : ICommand<CreatedMedia>;

/// <summary>Units: UnusedExpiresAtMs, Unix milliseconds.</summary>
public sealed record CreatedMedia(MediaId MediaId, long UnusedExpiresAtMs);

public sealed class CreateMediaHandler(
    AggregateStore<MediaState> media, IMediaUsage usage, MediaPolicy policy, UploaderLocks locks, IRandom random)
    : IRequestHandler<CreateMedia, CommandResult<CreatedMedia>>
{
    private static readonly MatrixError TooMany =
        new(429, ErrCodes.LimitExceeded, "Too many uploads are pending: upload to the ids that were given out.");

    public async Task<CommandResult<CreatedMedia>> Handle(CreateMedia command, CancellationToken cancellationToken)
    {
        var nowMs = command.Context.ReceivedAtMs;
        using var held = await locks.EnterAsync(command.UserId, cancellationToken);
        var used = await usage.FindAsync(command.UserId, nowMs, cancellationToken);
        if (used.Pending >= policy.PendingMax)
            return TooMany;
        if (UploadAdmission.FindProblem(policy, used, 0) is { } problem)
            return problem;
        var created = new MediaCreated(
            MediaIds.New(random), command.UserId, nowMs + (long)policy.PendingLifetime.TotalMilliseconds);
        var execution = await media.ExecuteAsync(
            MediaStreams.Own(created.MediaId),
            state => MediaDecider.Create(state, created),
            command.Context,
            cancellationToken);
        return execution.ToResult(new CreatedMedia(created.MediaId, created.UnusedExpiresAtMs));
    }
}

using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Protocol.Identifiers;
using MediatR;

namespace Matrix.EventSourced.Commands.MediaApi;

/// <summary>Media is no longer served, and its bytes go once nothing else has the same.</summary>
/// <remarks>Shape: Origin is null for this server. Errors: M_NOT_FOUND where there is none.</remarks>
public sealed record RemoveMedia(CommandContext Context, ServerName? Origin, MediaId MediaId, MediaRemoval Reason)
    : ICommand<Unit>;

public sealed class RemoveMediaHandler(AggregateStore<MediaState> media)
    : IRequestHandler<RemoveMedia, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(RemoveMedia command, CancellationToken cancellationToken)
    {
        var removed = new MediaRemoved(command.MediaId, command.Reason, command.Origin);
        var execution = await media.ExecuteAsync(
            MediaStreams.Of(command.Origin, command.MediaId),
            state => MediaDecider.Remove(state, removed),
            command.Context,
            cancellationToken);
        return execution.ToResult(Unit.Value);
    }
}

/// <summary>Media is kept, and shown to nobody; or it is shown again.</summary>
public sealed record QuarantineMedia(
    CommandContext Context, ServerName? Origin, MediaId MediaId, bool IsQuarantined) : ICommand<Unit>;

public sealed class QuarantineMediaHandler(AggregateStore<MediaState> media)
    : IRequestHandler<QuarantineMedia, CommandResult<Unit>>
{
    public async Task<CommandResult<Unit>> Handle(QuarantineMedia command, CancellationToken cancellationToken)
    {
        var changed = new MediaQuarantined(command.MediaId, command.IsQuarantined, command.Origin);
        var execution = await media.ExecuteAsync(
            MediaStreams.Of(command.Origin, command.MediaId),
            state => MediaDecider.Quarantine(state, changed),
            command.Context,
            cancellationToken);
        return execution.ToResult(Unit.Value);
    }
}

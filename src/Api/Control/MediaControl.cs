using System.Globalization;
using System.Text;
using System.Text.Json;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.MediaApi;
using Matrix.EventSourced.Commands.MediaApi;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.MediaApi;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.MediaApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Signing;
using MediatR;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The media command on a running server: what there is, and taking it down.</summary>
internal sealed class MediaControl(
    MediaQueries queries,
    MediaSweep sweep,
    IProjectionGate gate,
    IMediator mediator,
    ServerIdentity identity,
    TimeProvider time)
{
    public const string Usage = """
        media list USER [--limit N]    what a user has uploaded, newest first
        media usage                    who has uploaded most, and what copies take
        media show MXC                 what is known of one piece
        media delete MXC               remove it for good (another server's: the copy of it)
        media quarantine MXC           keep it, and show it to nobody
        media unquarantine MXC         show it again
        media purge-remote TIME        remove copies of other servers' media that nobody asked for since (2026-11-01)
        media sweep                    let go now what is due
        """;

    /// <summary>LIMIT: media or users of one list. Ours: a page for people, or for a script.</summary>
    private const int ListMax = 10_000;

    private const int ListDefault = 100;

    public static readonly EndpointSpec Spec =
        new("POST", "/control/media", AuthKind.None, RateClass.None, "none#media");

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (ControlRequest.Read(body) is not { } asked)
            return ControlRequest.Malformed;
        var answer = await request.Get<MediaControl>().AnswerAsync([.. asked.Words], asked.By, request.ServerStopping);
        if (answer.Lines is null)
            return answer.Error ?? new MatrixError(400, ErrCodes.InvalidParam, Usage);
        await ControlLines.WriteAsync(request.Http, answer.Lines, request.ServerStopping);
        return new MatrixResponse.Written();
    }

    private async ValueTask<(IAsyncEnumerable<ReadOnlyMemory<byte>>? Lines, MatrixError? Error)> AnswerAsync(
        string[] words, string by, CancellationToken cancellationToken)
    {
        var context = new CommandContext(
            new FactActor(Admin: by), time.GetUtcNow().ToUnixTimeMilliseconds(), "media");
        await gate.WaitForHeadAsync(MediaProjection.Gate, cancellationToken);
        switch (words)
        {
            case ["list", var user]:
                return await ListAsync(user, ListDefault, cancellationToken);
            case ["list", var user, "--limit", var limit]
                when int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0:
                return await ListAsync(user, Math.Min(count, ListMax), cancellationToken);
            case ["usage"]:
                var totals = await queries.TotalsAsync(ListMax, cancellationToken);
                var lines = totals.Select(total => ControlLines.Json(json => Write(json, total)));
                return (lines.ToAsyncEnumerable(), null);
            case ["show", var mxc] when MxcUri.TryParse(mxc, out var media):
                return await queries.FindAsync(OriginOf(media), media.MediaId, cancellationToken) is { } row
                    ? (One(ControlLines.Json(json => Write(json, row))), null)
                    : (null, MediaRequests.NotFound);
            case ["delete", var mxc] when MxcUri.TryParse(mxc, out var media):
                return Done(
                    await mediator.Send(
                        new RemoveMedia(context, OriginOf(media), media.MediaId, MediaRemoval.Deleted),
                        CancellationToken.None),
                    $"{media} is deleted; its bytes go with the next sweeps, if nothing else has the same.");
            case [("quarantine" or "unquarantine") and var verb, var mxc] when MxcUri.TryParse(mxc, out var media):
                var isQuarantined = verb == "quarantine";
                return Done(
                    await mediator.Send(
                        new QuarantineMedia(context, OriginOf(media), media.MediaId, isQuarantined),
                        CancellationToken.None),
                    $"{media} is {(isQuarantined ? "shown to nobody" : "shown again")}.");
            case ["purge-remote", var text] when TryReadTime(text, out var since):
                return (Line(async () =>
                    $"{await sweep.PurgeRemoteAsync(since, context, cancellationToken)} copies were removed."), null);
            case ["sweep"]:
                return (Line(async () => await sweep.RunAsync(cancellationToken) is var (media, blobs)
                    ? $"{media} copies and {blobs} files were let go."
                    : string.Empty), null);
            default:
                return (null, null);
        }
    }

    private async ValueTask<(IAsyncEnumerable<ReadOnlyMemory<byte>>? Lines, MatrixError? Error)> ListAsync(
        string user, int limit, CancellationToken cancellationToken)
    {
        if (!UserId.TryParse(user, out var userId))
            return (null, MatrixError.InvalidParam($"'{user}' is no user id."));
        var rows = await queries.OfUserAsync(userId, limit, cancellationToken);
        return (rows.Select(row => ControlLines.Json(json => Write(json, row))).ToAsyncEnumerable(), null);
    }

    private ServerName? OriginOf(MxcUri media) => media.Server == identity.Name ? null : media.Server;

    private static (IAsyncEnumerable<ReadOnlyMemory<byte>>? Lines, MatrixError? Error) Done(
        CommandResult<Unit> result, string text) =>
        result is CommandResult<Unit>.Refused refused
            ? (null, refused.Error)
            : (One(Encoding.UTF8.GetBytes(text)), null);

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> Line(Func<Task<string>> make)
    {
        yield return Encoding.UTF8.GetBytes(await make());
    }

    private static IAsyncEnumerable<ReadOnlyMemory<byte>> One(ReadOnlyMemory<byte> line) =>
        ((ReadOnlyMemory<byte>[])[line]).ToAsyncEnumerable();

    private static bool TryReadTime(string text, out DateTimeOffset time) => DateTimeOffset.TryParse(
        text,
        CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
        out time);

    private static void Write(Utf8JsonWriter json, UploaderTotal total)
    {
        json.WriteStartObject();
        json.WriteString("who", total.UserId.Length == 0 ? "other servers" : total.UserId);
        json.WriteNumber("count", total.Count);
        json.WriteNumber("size_bytes", total.Bytes);
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json, MediaRow row)
    {
        json.WriteStartObject();
        json.WriteString("media", new MxcUri(row.Origin ?? identity.Name, row.MediaId).ToString());
        if (row.Uploader is not null)
            json.WriteString("uploader", row.Uploader);
        if (row.PreviewOf is not null)
            json.WriteString("preview_of", row.PreviewOf);
        json.WriteNumber("created_ts", row.CreatedMs);
        if (row.Sha256 is not null)
        {
            json.WriteNumber("stored_ts", row.StoredMs ?? row.CreatedMs);
            json.WriteNumber("size_bytes", row.SizeBytes);
            json.WriteString("content_type", row.ContentType);
            json.WriteString("sha256", row.Sha256);
        }
        if (row.FileName is not null)
            json.WriteString("file_name", row.FileName);
        if (row.ExpiresMs is { } expires)
            json.WriteNumber("unused_expires_ts", expires);
        if (row.IsQuarantined)
            json.WriteBoolean("is_quarantined", true);
        json.WriteEndObject();
    }
}

using System.Globalization;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Api.Sync;
using Matrix.EventSourced.Projections.Roomserver;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.ClientApi.Reading;

/// <summary>Reads the query parameters that the reading endpoints share.</summary>
internal static class ReadingParameters
{
    /// <summary>LIMIT: events of one page. Ours: as much as clients ask for when they fill a screen ten times
    /// over.</summary>
    public const int LimitMax = 500;

    public const int LimitDefault = 10;

    /// <summary>How many events are asked for; <paramref name="none"/> where nothing is said.</summary>
    public static bool TryReadLimit(
        MatrixRequest request, out int limit, out MatrixError? error, int none = LimitDefault)
    {
        (limit, error) = (Math.Min(none, LimitMax), null);
        if (request.Query("limit") is not { Length: > 0 } text)
            return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var asked))
        {
            error = MatrixError.InvalidParam("limit must be a whole number.");
            return false;
        }
        limit = (int)Math.Min(asked, LimitMax);
        return true;
    }

    /// <summary>A token parameter as a place of a timeline; null where it is not given.</summary>
    public static bool TryReadPlace(
        MatrixRequest request, string name, out TimelinePlace? place, out MatrixError? error)
    {
        (place, error) = (null, null);
        if (request.Query(name) is not { Length: > 0 } text)
            return true;
        if (!SyncTokens.TryReadPlace(text, out var read))
        {
            error = MatrixError.InvalidParam($"{name} is not a token of this server.");
            return false;
        }
        place = read;
        return true;
    }

    /// <summary>A token parameter as a position; null where it is not given.</summary>
    public static bool TryReadToken(MatrixRequest request, string name, out long? position, out MatrixError? error)
    {
        (position, error) = (null, null);
        if (request.Query(name) is not { Length: > 0 } text)
            return true;
        if (!SyncTokens.TryReadRelations(text, out var read))
        {
            error = MatrixError.InvalidParam($"{name} is not a token of this server.");
            return false;
        }
        position = read;
        return true;
    }

    /// <summary>A switch; null where it is not given.</summary>
    public static bool TryReadFlag(MatrixRequest request, string name, out bool? flag, out MatrixError? error)
    {
        var text = request.Query(name);
        (flag, error) = (text is null or "" ? null : text == "true", null);
        if (text is null or "" or "true" or "false")
            return true;
        error = MatrixError.InvalidParam($"{name} is true or false.");
        return false;
    }
}

using System.Text.Json;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Microsoft.AspNetCore.Http;

namespace Matrix.EventSourced.Api.Http;

/// <summary>Reads request bodies.</summary>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Strict = new()
    {
        AllowDuplicateProperties = false,
        MaxDepth = Limits.JsonDepthMax,
    };

    public static async ValueTask<(JsonElement Body, MatrixError? Error)> ReadObjectAsync(HttpContext http, int bytesMax, bool emptyAllowed)
    {
        using var buffer = new MemoryStream();
        var chunk = new byte[8192];
        int read;
        while ((read = await http.Request.Body.ReadAsync(chunk, http.RequestAborted)) > 0)
        {
            if (buffer.Length + read > bytesMax)
                return (default, MatrixError.TooLarge($"The body is larger than {bytesMax} bytes."));
            buffer.Write(chunk, 0, read);
        }
        if (buffer.Length == 0 && emptyAllowed)
            return (JsonDocument.Parse("{}"u8.ToArray()).RootElement, null);
        try
        {
            var document = JsonDocument.Parse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? (document.RootElement, null)
                : (default, MatrixError.BadJson("The body must be a JSON object."));
        }
        catch (JsonException exception)
        {
            return (default, MatrixError.NotJson($"The body is not JSON: {exception.Message}"));
        }
    }
}

using System.Text;
using System.Text.Json;

namespace Matrix.EventSourced.Kit.Hosting;

/// <summary>What a server answered.</summary>
public sealed record Reply(int Status, byte[] Utf8)
{
    public string Text => Encoding.UTF8.GetString(Utf8);

    public JsonElement Json => JsonElement.Parse(Utf8);

    /// <summary>The errcode, or null where there is none.</summary>
    public string? ErrCode => Json.TryGetProperty("errcode", out var code) ? code.GetString() : null;

    /// <summary>The body of a 200; anything else fails the test with what came instead.</summary>
    public JsonElement Ok() => Status == 200 ? Json : throw new Xunit.Sdk.XunitException($"{Status}: {Text}");

    /// <summary>Fails the test unless it was refused like this.</summary>
    public void Refused(int status, string errCode) => Xunit.Assert.Equal($"{status} {errCode}", $"{Status} {ErrCode}");
}

public static class JsonElementExtensions
{
    /// <summary>A string member; fails where it is missing or no string.</summary>
    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;
}

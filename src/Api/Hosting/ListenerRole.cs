namespace Matrix.EventSourced.Api.Hosting;

/// <summary>Which API a connection came to; set on the connection by its listener, read once per request.</summary>
internal sealed class ListenerRole
{
    public static readonly ListenerRole Client = new();
    public static readonly ListenerRole Federation = new();

    /// <summary>The administrator's own commands, over a socket in the data folder.</summary>
    public static readonly ListenerRole Control = new();
}

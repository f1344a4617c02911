using System.Runtime.CompilerServices;
using System.Text;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Api.Control;

/// <summary>The rebuild command on a running server: builds beside the tables that serve, and switches over.</summary>
internal static class RebuildControl
{
    public static readonly EndpointSpec Spec =
        new("POST", "/control/rebuild", AuthKind.None, RateClass.None, "none#rebuild");

    /// <summary>How often a line says how far it is.</summary>
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(2);

    public static void Map(EndpointTable table) => table.Add(Spec, HandleAsync);

    private static async ValueTask<MatrixResponse> HandleAsync(MatrixRequest request)
    {
        var (body, error) = await request.ReadJsonObjectAsync();
        if (error is not null)
            return error;
        if (ControlRequest.Read(body) is not { Words: [var name] })
            return ControlRequest.Malformed;
        var host = request.Get<ProjectionHost>();
        if (name != "all" && !host.Names.Contains(name))
        {
            return new MatrixError(
                400,
                ErrCodes.InvalidParam,
                $"There is no projection '{name}'; there are: {string.Join(", ", host.Names)}, all.");
        }
        var chosen = name == "all" ? host.Names : [name];
        var lines = RebuildAsync(host, chosen, request.Get<TimeProvider>(), request.ServerStopping);
        await ControlLines.WriteAsync(request.Http, lines, request.ServerStopping);
        return new MatrixResponse.Written();
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> RebuildAsync(
        ProjectionHost host,
        IReadOnlyList<string> names,
        TimeProvider time,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await host.PlanRebuildAsync(names, cancellationToken);
        foreach (var name in names)
        {
            // It goes on when the one who asked goes away: half a rebuild is of no use to anybody.
            var rebuild = host.RebuildAsync(name, cancellationToken);
            while (await Task.WhenAny(rebuild, Task.Delay(SayEvery, time, cancellationToken)) != rebuild)
            {
                var progress = host.Status.Single(status => status.Projection == name).Rebuild;
                if (progress is { } known)
                    yield return Line($"{name}: {known.Percent:0} %, {known.FactsPerSecond:0} facts/s{Left(known)}");
            }
            await rebuild;
            yield return Line($"{name}: rebuilt.");
        }
    }

    private static string Left(RebuildProgress progress) =>
        progress.Estimate is { } left ? $", about {left.TotalSeconds:0} s to go" : "";

    private static byte[] Line(string text) => Encoding.UTF8.GetBytes(text);
}

namespace Matrix.EventSourced.Api.Http;

/// <summary>Answers one endpoint's request.</summary>
public delegate ValueTask<MatrixResponse> MatrixHandler(MatrixRequest request);

/// <summary>
/// All endpoints of a listener, added explicitly by their modules; the router and the generated docs are made from it.
/// </summary>
public sealed class EndpointTable
{
    private readonly List<(EndpointSpec Spec, MatrixHandler Handler)> _entries = [];

    public IReadOnlyList<(EndpointSpec Spec, MatrixHandler Handler)> Entries => _entries;

    public void Add(EndpointSpec spec, MatrixHandler handler) => _entries.Add((spec, handler));
}

namespace Matrix.EventSourced.Projections.Hosting;

/// <summary>A projection cannot go on and retrying does not help: a fact that it cannot apply, or another
/// writer.</summary>
public sealed class ProjectionStoppedException(string message, Exception? inner = null) : Exception(message, inner);

namespace Matrix.EventSourced.Facts;

/// <summary>A record of the log is not a fact that this version of the server can read. Whoever reads it stops; it is
/// never skipped.</summary>
public abstract class FactException(string type, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The stored name of the record.</summary>
    public string StoredName { get; } = type;
}

/// <summary>Nothing is known under the stored name: the log was written by a newer version, or by something
/// else.</summary>
public sealed class UnknownFactException(string type)
    : FactException(type, $"The log holds a record of the unknown type '{type}'.");

/// <summary>The stored name is known, and the bytes are not what it promises.</summary>
public sealed class MalformedFactException(string type, string problem, Exception? inner = null)
    : FactException(type, $"A record of the type '{type}' is malformed: {problem}", inner);

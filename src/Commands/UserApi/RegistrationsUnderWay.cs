using System.Collections.Concurrent;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.UserApi;

/// <summary>Names that are being registered in this process at this moment.</summary>
/// <remarks>
/// A registration writes two streams; a second one for the same name in between would take the half-made account over.
/// </remarks>
public sealed class RegistrationsUnderWay
{
    private readonly ConcurrentDictionary<UserId, byte> _names = new();

    /// <summary>True for the one who may go on; that one calls <see cref="End"/>.</summary>
    public bool TryBegin(UserId name) => _names.TryAdd(name, 0);

    public void End(UserId name) => _names.TryRemove(name, out _);
}

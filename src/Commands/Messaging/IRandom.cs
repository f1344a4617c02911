using System.Security.Cryptography;

namespace Matrix.EventSourced.Commands.Messaging;

/// <summary>Where ids, tokens and salts come from; a simulation injects a seeded one.</summary>
public interface IRandom
{
    void Fill(Span<byte> destination);
}

/// <summary>The operating system's randomness.</summary>
public sealed class SystemRandom : IRandom
{
    public void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}

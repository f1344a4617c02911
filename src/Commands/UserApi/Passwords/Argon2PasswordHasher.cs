using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Protocol;
using NSec.Cryptography;

namespace Matrix.EventSourced.Commands.UserApi.Passwords;

/// <summary>Argon2id on a few threads of its own, so that a wave of logins takes no thread from anybody else.</summary>
/// <remarks>LIMIT: half of the processors at work, <see cref="Limits.PasswordHashQueueMax"/> waiting.</remarks>
public sealed class Argon2PasswordHasher : IPasswordHasher, IDisposable
{
    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    private readonly PasswordHashing _cost;
    private readonly IRandom _random;
    private readonly BlockingCollection<Action> _jobs = new(Limits.PasswordHashQueueMax);

    public Argon2PasswordHasher(PasswordHashing cost, IRandom random)
    {
        _cost = cost;
        _random = random;
        for (var i = 0; i < Math.Max(1, Environment.ProcessorCount / 2); i++)
            new Thread(
                Work) { IsBackground = true, Name = "password-hashing", Priority = ThreadPriority.BelowNormal }.Start();
    }

    public async ValueTask<string?> HashAsync(string password)
    {
        var salt = new byte[SaltBytes];
        _random.Fill(salt);
        return await EnqueueAsync(() => Format(_cost, salt, Derive(_cost, password, salt)));
    }

    public async ValueTask<bool?> VerifyAsync(string password, string? hash)
    {
        var isKnown = TryParse(hash, out var cost, out var salt, out var expected);
        var verified = await EnqueueAsync(() =>
            CryptographicOperations.FixedTimeEquals(Derive(cost, password, salt), expected) && isKnown ? "yes" : "no");
        return verified is null ? null : verified == "yes";
    }

    public void Dispose() => _jobs.CompleteAdding();

    private async ValueTask<string?> EnqueueAsync(Func<string> work)
    {
        var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Job()
        {
            try
            {
                answer.SetResult(work());
            }
            catch (Exception exception)
            {
                answer.SetException(exception);
            }
        }
        return _jobs.TryAdd(Job) ? await answer.Task : null;
    }

    private void Work()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
            job();
    }

    private static byte[] Derive(PasswordHashing cost, string password, byte[] salt) =>
        PasswordBasedKeyDerivationAlgorithm.Argon2id(new Argon2Parameters
        {
            DegreeOfParallelism = cost.Parallelism,
            MemorySize = cost.MemoryKiB,
            NumberOfPasses = cost.Passes,
        }).DeriveBytes(Encoding.UTF8.GetBytes(password), salt, HashBytes);

    private static string Format(PasswordHashing cost, byte[] salt, byte[] hash) => string.Create(
        CultureInfo.InvariantCulture,
        $"$argon2id$v=19$m={cost.MemoryKiB},t={cost.Passes},p={cost.Parallelism}${Unpadded(salt)}${Unpadded(hash)}");

    /// <summary>
    /// Takes a stored hash apart. For no hash, or one that is not ours: stand-ins of the configured cost, and false.
    /// </summary>
    private bool TryParse(string? text, out PasswordHashing cost, out byte[] salt, out byte[] hash)
    {
        cost = _cost;
        salt = new byte[SaltBytes];
        hash = new byte[HashBytes];
        var parts = text?.Split('$');
        if (parts is not ["", "argon2id", "v=19", var costs, var saltText, var hashText])
            return false;
        var numbers = costs.Split(',');
        if (numbers is not [['m', '=', .. var m], ['t', '=', .. var t], ['p', '=', .. var p]])
            return false;
        cost = new PasswordHashing(
            int.Parse(m, CultureInfo.InvariantCulture), int.Parse(
                t, CultureInfo.InvariantCulture), int.Parse(p, CultureInfo.InvariantCulture));
        salt = Convert.FromBase64String(Padded(saltText));
        hash = Convert.FromBase64String(Padded(hashText));
        return true;
    }

    private static string Unpadded(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    private static string Padded(string text) => text.PadRight((text.Length + 3) / 4 * 4, '=');
}

using System.Security.Cryptography;
using System.Text;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.PushRules;

namespace Matrix.EventSourced.Projections.Push;

/// <summary>Push rules, ready to be asked, for nobody in particular or for one user.</summary>
/// <remarks>
/// The predefined rules name their user, and only there do they. So rules are stored as those of nobody: equal for all
/// who changed the same, and evaluated once for all of them whom a PDU does not name.
/// Ensures: a pure memo, bounded; the same question has the same answer whatever is in it.
/// LOCK: a leaf, for its own map.
/// </remarks>
internal sealed class PushRulesOf(ServerName us)
{
    /// <summary>LIMIT: rules kept parsed. Ours: a few tens of megabytes at the usual size of rules.</summary>
    private const int KeptMax = 8_192;

    /// <summary>LIMIT: bytes of the rules kept parsed. Ours: rules may be large.</summary>
    private const long KeptBytesMax = 32L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Sha256, string User), (OwnRules? Rules, PushRuleEvaluator Evaluator)>
        _kept = [];
    private long _keptBytes;

    /// <summary>Whose rules are stored and evaluated for all whom a PDU does not name. Not of the grammar of today's
    /// ids, so that no user has it.</summary>
    public UserId Nobody { get; } = UserId.Parse($"@!:{us.Value}");

    /// <summary>Somebody whom the PDU does not name, even where it names <see cref="Nobody"/>.</summary>
    public UserId UnnamedIn(ReadOnlySpan<byte> pdu)
    {
        if (pdu.IndexOf(Encoding.UTF8.GetBytes(Nobody.Value)) < 0)
            return Nobody;
        // Nothing can hold its own hash.
        return UserId.Parse($"@!{Convert.ToHexStringLower(SHA256.HashData(pdu))}:{us.Value}");
    }

    /// <summary>What is stored of account data <c>m.push_rules</c>; null where it says what the predefined rules say.
    /// </summary>
    public OwnRules? Normalise(ReadOnlyMemory<byte> content)
    {
        var rules = PushRuleset.For(Nobody, content).ToContent();
        if (rules.AsSpan().SequenceEqual(PushRuleset.For(Nobody, null).ToContent()))
            return null;
        return new(
            Convert.ToHexStringLower(SHA256.HashData(rules)),
            rules.AsSpan().IndexOf("contains_display_name"u8) >= 0,
            rules);
    }

    /// <param name="rules">The user's own rules, or null for the predefined ones.</param>
    /// <param name="user">Whose they are.</param>
    public PushRuleEvaluator For(OwnRules? rules, UserId user)
    {
        var key = (rules?.Sha256 ?? string.Empty, user.Value);
        lock (_lock)
        {
            if (_kept.TryGetValue(key, out var kept))
                return kept.Evaluator;
        }
        var evaluator = new PushRuleEvaluator(PushRuleset.For(user, rules?.Content));
        var bytes = 4_096 + (rules?.Content.Length ?? 0);
        lock (_lock)
        {
            if (_kept.Count >= KeptMax || _keptBytes + bytes > KeptBytesMax)
            {
                _kept.Clear();
                _keptBytes = 0;
            }
            if (_kept.TryAdd(key, (rules, evaluator)))
                _keptBytes += bytes;
        }
        return evaluator;
    }

    /// <summary>The rules of a hash, where they are in memory.</summary>
    public OwnRules? FindKept(string sha256)
    {
        lock (_lock)
            return _kept.TryGetValue((sha256, Nobody.Value), out var kept) ? kept.Rules : null;
    }
}

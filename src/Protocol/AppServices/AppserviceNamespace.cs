using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Matrix.EventSourced.Protocol.AppServices;

/// <summary>Identifiers that an application service is interested in, or has for itself.</summary>
/// <remarks>
/// Spec: v1.19 application-service-api #registration.
/// Shape: the pattern is matched from the identifier's beginning; it need not reach its end, as bridges expect.
/// Cost: linear in the identifier, whatever the pattern: the engine does not backtrack.
/// </remarks>
public sealed class AppserviceNamespace
{
    private readonly Regex _regex;

    private AppserviceNamespace(string pattern, bool isExclusive, Regex regex)
    {
        (Pattern, IsExclusive, _regex) = (pattern, isExclusive, regex);
    }

    public string Pattern { get; }

    /// <summary>Nobody else may have such an identifier.</summary>
    public bool IsExclusive { get; }

    public bool Covers(string identifier) => _regex.IsMatch(identifier);

    /// <summary>Reads a pattern; says what is wrong with one that cannot be used.</summary>
    /// <remarks>Errors: bad syntax; look-around and back references, which only a backtracking engine has; patterns
    /// over
    /// <see cref="Limits.AppservicePatternLengthMax"/>.</remarks>
    public static bool TryCreate(
        string pattern,
        bool isExclusive,
        [NotNullWhen(true)] out AppserviceNamespace? created,
        [NotNullWhen(false)] out string? problem)
    {
        (created, problem) = (null, null);
        if (pattern.Length is 0 or > Limits.AppservicePatternLengthMax)
        {
            problem = $"a pattern has 1 to {Limits.AppservicePatternLengthMax} characters";
            return false;
        }
        try
        {
            // Alone first: a bracket too many must not close the group around it.
            _ = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            var regex = new Regex(
                $@"\A(?:{pattern})", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            created = new AppserviceNamespace(pattern, isExclusive, regex);
            return true;
        }
        catch (ArgumentException exception)
        {
            problem = exception.Message;
        }
        catch (NotSupportedException)
        {
            problem = "look-around, back references and atomic groups are not supported";
        }
        return false;
    }
}

using System.Text;
using System.Text.Json;
using FluentValidation;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;

namespace Matrix.EventSourced.Commands.Roomserver.Perform;

/// <summary>Checks of shape that several commands share.</summary>
internal static class ShapeRules
{
    /// <summary>Spec: v1.19 client-server-api #size-limits.</summary>
    public static void IsEventType<T>(this IRuleBuilder<T, string> rule) => rule
        .Must(type => type.Length > 0).WithMessage("The event type is empty.")
        .Must(HasNoNul).WithMessage("The event type holds U+0000.")
        .Must(Fits).WithMessage(
            $"The event type is longer than {Limits.IdentifierBytesMax} bytes.").WithErrorCode(ErrCodes.TooLarge);

    /// <inheritdoc cref="IsEventType"/>
    public static void IsStateKey<T>(this IRuleBuilder<T, string> rule) => rule
        .Must(HasNoNul).WithMessage("The state key holds U+0000.")
        .Must(Fits).WithMessage(
            $"The state key is longer than {Limits.IdentifierBytesMax} bytes.").WithErrorCode(ErrCodes.TooLarge);

    public static void IsObject<T>(this IRuleBuilder<T, JsonElement> rule) => rule
        .Must(content => content.ValueKind == JsonValueKind.Object)
        .WithMessage("The content must be a JSON object.").WithErrorCode(ErrCodes.BadJson);

    /// <summary>Text with U+0000 cannot stand in the tables.</summary>
    private static bool HasNoNul(string text) => !text.Contains('\0', StringComparison.Ordinal);

    private static bool Fits(string text) => Encoding.UTF8.GetByteCount(text) <= Limits.IdentifierBytesMax;
}

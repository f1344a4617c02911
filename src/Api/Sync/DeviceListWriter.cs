using System.Text.Json;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Projections.KeyServer;

namespace Matrix.EventSourced.Api.Sync;

/// <summary>Writes what a sync says of keys. Spec: v1.19 client-server-api #e2e-extensions-to-sync.</summary>
internal static class DeviceListWriter
{
    /// <summary>The algorithm that clients take keys of. It is counted even where no key is left: the spec has an
    /// algorithm that is not listed at zero, but matrix-rust-sdk reads it in sliding sync as one whose count has not
    /// changed, and would never upload keys again.</summary>
    private const string Signed = "signed_curve25519";

    /// <summary>The three sections; that of the lists in an incremental sync only.</summary>
    public static void Write(Utf8JsonWriter json, DeviceListChanges? changes, KeySupply supply)
    {
        if (changes is not null)
        {
            json.WriteStartObject("device_lists"u8);
            WriteMembers(json, changes);
            json.WriteEndObject();
        }
        json.WritePropertyName("device_one_time_keys_count"u8);
        WriteCounts(json, supply);
        json.WritePropertyName("device_unused_fallback_key_types"u8);
        WriteUnusedFallback(json, supply);
    }

    /// <summary>How many keys are left, by algorithm.</summary>
    public static void WriteCounts(Utf8JsonWriter json, KeySupply supply)
    {
        json.WriteStartObject();
        foreach (var (algorithm, count) in supply.Counts)
            json.WriteNumber(algorithm, count);
        if (!supply.Counts.Any(static count => count.Algorithm == Signed))
            json.WriteNumber(Signed, 0);
        json.WriteEndObject();
    }

    /// <summary>The algorithms of fallback keys that nobody has got yet.</summary>
    public static void WriteUnusedFallback(Utf8JsonWriter json, KeySupply supply)
    {
        json.WriteStartArray();
        foreach (var algorithm in supply.UnusedFallback)
            json.WriteStringValue(algorithm);
        json.WriteEndArray();
    }

    public static void WriteMembers(Utf8JsonWriter json, DeviceListChanges changes)
    {
        WriteUsers(json, "changed"u8, changes.Changed);
        WriteUsers(json, "left"u8, changes.Left);
    }

    private static void WriteUsers(Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<string> users)
    {
        json.WriteStartArray(name);
        foreach (var user in users)
            json.WriteStringValue(user);
        json.WriteEndArray();
    }
}

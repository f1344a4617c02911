using System.Text.Json;

namespace Matrix.EventSourced.Facts;

/// <summary>Writes and reads <see cref="FactMetadata"/>, which every record carries.</summary>
// HOT
internal static class FactMetadataJson
{
    private static readonly JsonEncodedText Causation = JsonEncodedText.Encode("causation");
    private static readonly JsonEncodedText Correlation = JsonEncodedText.Encode("correlation");
    private static readonly JsonEncodedText Actor = JsonEncodedText.Encode("actor");
    private static readonly JsonEncodedText ReceivedAtMs = JsonEncodedText.Encode("received_at_ms");
    private static readonly JsonEncodedText User = JsonEncodedText.Encode("user");
    private static readonly JsonEncodedText Device = JsonEncodedText.Encode("device");
    private static readonly JsonEncodedText Server = JsonEncodedText.Encode("server");
    private static readonly JsonEncodedText Admin = JsonEncodedText.Encode("admin");

    public static byte[] Write(FactMetadata metadata)
    {
        var json = FactJsonWriter.Rent(out var owner);
        json.WriteStartObject();
        json.WriteString(Causation, metadata.Causation);
        json.WriteString(Correlation, metadata.Correlation);
        json.WriteStartObject(Actor);
        WriteOptional(json, User, metadata.Actor.User);
        WriteOptional(json, Device, metadata.Actor.Device);
        WriteOptional(json, Server, metadata.Actor.Server);
        WriteOptional(json, Admin, metadata.Actor.Admin);
        json.WriteEndObject();
        json.WriteNumber(ReceivedAtMs, metadata.ReceivedAtMs);
        json.WriteEndObject();
        return owner.ToArray();
    }

    public static FactMetadata Read(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        string? causation = null, correlation = null;
        FactActor? actor = null;
        long receivedAtMs = 0;
        FactJsonReading.EnterObject(ref reader);
        while (FactJsonReading.NextMember(ref reader))
        {
            if (reader.ValueTextEquals(Causation.EncodedUtf8Bytes))
                causation = FactJsonReading.String(ref reader);
            else if (reader.ValueTextEquals(Correlation.EncodedUtf8Bytes))
                correlation = FactJsonReading.String(ref reader);
            else if (reader.ValueTextEquals(Actor.EncodedUtf8Bytes))
                actor = ReadActor(ref reader);
            else if (reader.ValueTextEquals(ReceivedAtMs.EncodedUtf8Bytes))
                receivedAtMs = FactJsonReading.Integer(ref reader);
            else
                FactJsonReading.SkipValue(ref reader);
        }
        return new FactMetadata(
            causation ?? throw FactJsonReading.Missing("causation"),
            correlation ?? throw FactJsonReading.Missing("correlation"),
            actor ?? throw FactJsonReading.Missing("actor"),
            receivedAtMs);
    }

    private static FactActor ReadActor(ref Utf8JsonReader reader)
    {
        string? user = null, device = null, server = null, admin = null;
        FactJsonReading.EnterObject(ref reader);
        while (FactJsonReading.NextMember(ref reader))
        {
            if (reader.ValueTextEquals(User.EncodedUtf8Bytes))
                user = FactJsonReading.String(ref reader);
            else if (reader.ValueTextEquals(Device.EncodedUtf8Bytes))
                device = FactJsonReading.String(ref reader);
            else if (reader.ValueTextEquals(Server.EncodedUtf8Bytes))
                server = FactJsonReading.String(ref reader);
            else if (reader.ValueTextEquals(Admin.EncodedUtf8Bytes))
                admin = FactJsonReading.String(ref reader);
            else
                FactJsonReading.SkipValue(ref reader);
        }
        return new FactActor(user, device, server, admin);
    }

    private static void WriteOptional(Utf8JsonWriter json, JsonEncodedText name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }
}

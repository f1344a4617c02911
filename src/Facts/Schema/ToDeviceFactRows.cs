namespace Matrix.EventSourced.Facts.Schema;

internal static class ToDeviceFactRows
{
    public static readonly IReadOnlyList<FactDescription> Rows =
    [
        FactDescription.Of(
            FactNames.ToDeviceSent,
            StreamCategories.ToDevice,
            FactJson.Context.ToDeviceSent,
            "Messages went to devices of one user, ours or another server's.",
            "Keep the message for each device that there is, until it is acknowledged; send it to the user's server "
            + "where that is another.",
            new("recipient", "user id", "Whose devices."),
            new("sender", "user id", "Who sent it."),
            new("type", "string", "The type of all of the messages."),
            new("message_id", "string", "The sending server's id of it."),
            new(
                "messages",
                "array of `{device_id, content}`",
                "What each device gets, verbatim; `*` stands for the devices that have none of their own.")),
        FactDescription.Of(
            FactNames.ToDeviceAcknowledged,
            StreamCategories.ToDevice,
            FactJson.Context.ToDeviceAcknowledged,
            "A device has got its messages.",
            "Forget the device's messages up to the position.",
            new("user_id", "user id", "Whose device."),
            new("device_id", "string", "The device."),
            new("up_to", "integer", "The log position of the last message that it has.")),
    ];
}

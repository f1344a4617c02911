using Matrix.EventSourced.Facts.AppService;
using Matrix.EventSourced.Facts.PublicRooms;

namespace Matrix.EventSourced.Facts.Tests;

/// <content>Application services.</content>
internal static partial class Samples
{
    private static (string File, IFact Fact)[] AppserviceSamples() =>
    [
        .. Pair(
            FactNames.AppserviceTransactionBegun,
            new AppserviceTransactionBegun("irc", 4700, 4711),
            new AppserviceTransactionBegun("irc", 0, 4711)),
        .. Pair(
            FactNames.AppserviceTransactionDelivered,
            new AppserviceTransactionDelivered("irc", 4711),
            new AppserviceTransactionDelivered("irc", 0)),
        .. Pair(
            FactNames.AppserviceDeliveryFailed,
            new AppserviceDeliveryFailed("irc", 4700, 4711, 3, 1_767_225_600_123, 1_767_225_608_123, "status 502"),
            new AppserviceDeliveryFailed("irc", 0, 4711, 1, 1_767_225_600_123, 1_767_225_601_123, "refused")),
        .. Pair(
            FactNames.NetworkListingChanged,
            new NetworkListingChanged(Room, "irc", "libera", IsListed: true),
            new NetworkListingChanged(Room, "irc", "libera", IsListed: false)),
    ];
}

using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Projections.AppService;

/// <summary>Facts after which a user's keys have to be asked for again.</summary>
/// <remarks>Spec: v1.19 client-server-api #tracking-the-device-list-for-a-user.</remarks>
public static class ChangedDeviceLists
{
    /// <summary>Whose device list it is; null for any other fact, and where nothing changed.</summary>
    public static UserId? Of(IFact fact) => fact switch
    {
        DeviceListUpdated { IsRepeated: false } updated => updated.UserId,
        CrossSigningKeysChanged { IsPrivate: false } changed => changed.UserId,
        RemoteDeviceListFetched { IsNews: true } fetched => fetched.UserId,
        RemoteDeviceUpdated updated => updated.UserId,
        RemoteSigningKeysUpdated updated => updated.UserId,
        RemoteDeviceListOutdated outdated => outdated.UserId,
        _ => null,
    };
}

using System.Collections.Immutable;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Facts.EduServer;

/// <summary>Messages went to devices of one user, ours or another server's: <c>eduserver.to_device_sent.v1</c>, stream
/// <c>todevice-…</c> of the recipient.</summary>
/// <remarks>
/// Shape: MessageId is the sending server's, at most 32 characters, and the same however often it is sent.
/// Consumers: each device that there is at this point of the log gets one message; <c>*</c> is all that have none of
/// their own. What is for another server's user goes there.
/// </remarks>
public sealed record ToDeviceSent(
    UserId Recipient, UserId Sender, string Type, string MessageId, ImmutableArray<DeviceMessage> Messages) : IFact;

/// <summary>A message for one device, or for all of them. Shape: DeviceId may be <c>*</c>; Content is a JSON object,
/// verbatim.</summary>
public sealed record DeviceMessage(string DeviceId, RawJson Content);

/// <summary>A device has got its messages: <c>eduserver.to_device_acknowledged.v1</c>, stream
/// <c>todevice-…</c>.</summary>
/// <remarks>Units: UpTo, a log position. Consumers: forget the device's messages up to there.</remarks>
public sealed record ToDeviceAcknowledged(UserId UserId, string DeviceId, long UpTo) : IFact;

using System.Globalization;
using System.Text;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Room;
using Matrix.EventSourced.Commands.Roomserver.Workers;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.EduServer;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.EduServer;

/// <summary>Records messages to devices, and what the devices have got.</summary>
/// <remarks>
/// Spec: v1.19 client-server-api #send-to-device-messaging.
/// Ensures: record ids are made from the transaction and the recipient, so that the log itself refuses to hold a
/// message twice; a transaction that broke off midway is completed when it is sent again.
/// </remarks>
public sealed class ToDeviceBook(
    IEventAppender log, FactAppender appender, IToDeviceLookup lookup, ToDeviceTrimmer trimmer)
{
    /// <summary>Records a message for every recipient; those of this server that have no device are passed
    /// over.</summary>
    /// <param name="transaction">What makes it the same again.</param>
    /// <param name="type">The type of all of the messages.</param>
    /// <param name="messageId">The id that another server gave it; null where it begins here.</param>
    /// <param name="recipients">Requires: checked by <see cref="ToDeviceRules"/>.</param>
    /// <param name="context">Who sends.</param>
    public async ValueTask<LogPosition> SendAsync(
        TransactionKey transaction,
        string type,
        string? messageId,
        IReadOnlyList<ToDeviceRecipient> recipients,
        CommandContext context)
    {
        var reachable = await lookup.ReachableAsync([.. recipients.Select(recipient => recipient.UserId)]);
        var metadata = FactAppender.EncodeMetadata(context);
        var position = LogPosition.Start;
        foreach (var recipient in recipients)
        {
            if (!reachable.Contains(recipient.UserId) || recipient.Messages.Count == 0)
                continue;
            var records = new List<NewRecord>();
            foreach (var part in Split(recipient.Messages))
            {
                var index = records.Count.ToString(CultureInfo.InvariantCulture);
                var recordId = TransactionRecordIds.Of(
                    transaction with { Scope = $"{transaction.Scope}\n{recipient.UserId.Value}\n{index}" });
                var fact = new ToDeviceSent(
                    recipient.UserId, transaction.UserId, type, messageId ?? recordId.ToString("N"), [.. part]);
                records.Add(FactAppender.Encode(fact, metadata, recordId));
            }
            foreach (var appended in Group(records))
            {
                // A conflict: the transaction was here before, with another body. It is the first one that counts.
                if (await log.AppendAsync(
                    ToDeviceTrimmer.StreamOf(recipient.UserId),
                    ExpectedRevision.Any,
                    appended,
                    Durability.Durable,
                    CancellationToken.None)
                    is AppendResult.Appended done)
                    position = LogPosition.Max(position, done.Position);
            }
            await trimmer.TrimAsync(recipient.UserId);
        }
        return position;
    }

    /// <summary>A device has got its messages up to a position. Nothing is written where none wait.</summary>
    public async ValueTask AcknowledgeAsync(UserId user, string deviceId, long upTo, CommandContext context)
    {
        if (!await lookup.HasPendingAsync(user, deviceId, upTo))
            return;
        var appended = await appender.AppendAsync(
            ToDeviceTrimmer.StreamOf(user),
            ExpectedRevision.Any,
            [new ToDeviceAcknowledged(user, deviceId, upTo)],
            context);
        if (appended is not AppendResult.Appended)
            throw new InvalidOperationException("An append that expects nothing met a conflict.");
        await trimmer.TrimAsync(user);
    }

    /// <summary>In their order, as many to a part as fit.</summary>
    private static IEnumerable<List<DeviceMessage>> Split(IReadOnlyList<DeviceMessage> messages)
    {
        var part = new List<DeviceMessage>();
        var bytes = 0;
        foreach (var message in messages)
        {
            // The name of the device, too: many small messages are as long as one that is large.
            var size = message.Content.Utf8.Length + Encoding.UTF8.GetByteCount(message.DeviceId);
            bytes += size;
            if (part.Count > 0 && bytes > Limits.ToDeviceFactBytesMax)
            {
                yield return part;
                part = [];
                bytes = size;
            }
            part.Add(message);
        }
        yield return part;
    }

    /// <summary>In their order, as many to an append as it holds.</summary>
    private static IEnumerable<List<NewRecord>> Group(List<NewRecord> records)
    {
        var group = new List<NewRecord>();
        var bytes = 0;
        foreach (var record in records)
        {
            bytes += record.Data.Length;
            if (group.Count > 0 && bytes > Limits.ToDeviceAppendBytesMax)
            {
                yield return group;
                group = [];
                bytes = record.Data.Length;
            }
            group.Add(record);
        }
        yield return group;
    }
}

/// <summary>What <see cref="ToDeviceBook"/> asks of its read side.</summary>
/// <remarks>Ensures: every answer sees all appends that returned before the call.</remarks>
public interface IToDeviceLookup
{
    /// <summary>Those of other servers, and those of ours that have a device.</summary>
    ValueTask<IReadOnlySet<UserId>> ReachableAsync(IReadOnlyList<UserId> users);

    /// <summary>Whether messages up to a position wait for a device.</summary>
    ValueTask<bool> HasPendingAsync(UserId user, string deviceId, long upTo);

    /// <summary>The log position of the oldest message that still waits for one of a user's devices, or for the user's
    /// server; null for none.</summary>
    ValueTask<long?> FindOldestWaitingAsync(UserId user);
}

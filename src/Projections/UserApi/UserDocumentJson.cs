using System.Text.Json.Serialization;

namespace Matrix.EventSourced.Projections.UserApi;

/// <summary>How the documents become JSON, without reflection.</summary>
[JsonSerializable(typeof(AccountDocument))]
[JsonSerializable(typeof(DeviceDocument))]
[JsonSerializable(typeof(FilterDocument))]
[JsonSerializable(typeof(PusherDocument))]
[JsonSerializable(typeof(AccountDataDocument))]
internal sealed partial class UserDocumentJson : JsonSerializerContext;

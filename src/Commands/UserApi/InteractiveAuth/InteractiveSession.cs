using System.Collections.Immutable;
using System.Text.Json;

namespace Matrix.EventSourced.Commands.UserApi.InteractiveAuth;

/// <summary>What one client has proved so far for one request.</summary>
/// <remarks>
/// Shape: Operation is the endpoint and the user whom it is for; Parameters is the request's body without <c>auth</c>,
/// bound by the first request that has any; Flows and Check are what the operation asks for, for stages that are passed
/// on a page of the browser; Completed in the order of completion; Answer is what the finished request was answered,
/// for a client that asks again.
/// </remarks>
internal sealed record InteractiveSession(
    string Id, string Operation, InteractiveFlows Flows, StageCheck Check, long ExpiresAtMs)
{
    public JsonElement? Parameters { get; init; }

    public ImmutableArray<string> Completed { get; init; } = [];

    public ReadOnlyMemory<byte>? Answer { get; init; }
}

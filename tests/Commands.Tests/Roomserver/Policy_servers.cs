using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.Roomserver.Perform;
using Matrix.EventSourced.Commands.Roomserver.Policy;
using Matrix.EventSourced.Facts.Roomserver;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;
using Matrix.EventSourced.Protocol.Pdus;
using Matrix.EventSourced.Protocol.RoomVersions;
using static Matrix.EventSourced.Commands.Tests.Roomserver.RoomserverWorld;

namespace Matrix.EventSourced.Commands.Tests.Roomserver;

/// <summary>Spec: v1.19 server-server-api #policy-servers, for PDUs of our own users.</summary>
public sealed class Policy_servers : IAsyncDisposable
{
    private readonly TestPolicyServer _policy = new();
    private readonly RoomserverWorld _world;

    public Policy_servers() => _world = new RoomserverWorld(policies: _policy);

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task what_is_sent_carries_the_policy_servers_signature()
    {
        var room = await RoomWithPolicyAsync();
        var sent = Done(await _world.SendAsync(room, Alice, "hello", "t1"));
        var topic = Done(await _world.SetStateAsync(room, Alice, EventTypes.Topic, "", """{"topic":"x"}"""));
        Done(await _world.JoinAsync(Bob, room.Value));
        var facts = await _world.FactsOfAsync(room);

        Assert.All(facts[^3..], fact => Assert.True(_policy.HasSigned(PduOf(fact))));
        Assert.Equal([sent, topic], facts[^3..^1].Select(fact => fact.EventId));
        Assert.Equal(("DEVICE", "t1"), (facts[^3].DeviceId, facts[^3].TransactionId));
        Assert.All(facts[^3..], fact => Assert.Equal(fact.EventId, Assert.Single(fact.ForwardExtremities)));
        Assert.Equal(facts[^3..].Select(fact => fact.EventId), _policy.Asked.Select(pdu => pdu.EventId));
    }

    [Fact]
    public async Task what_it_refuses_is_not_sent_and_the_sender_hears_its_words()
    {
        var room = await RoomWithPolicyAsync();
        var before = await _world.FactsOfAsync(room);
        _policy.Decide = _ => TestPolicyServer.Refusal;
        var refusal = Refused(await _world.SendAsync(room, Alice, "buy this", "t1"));

        Assert.Equal((400, ErrCodes.Forbidden, "It looks like spam."), (refusal.Status, refusal.ErrCode, refusal.Message));
        Assert.Equal(before.Count, (await _world.FactsOfAsync(room)).Count);

        _policy.Decide = _ => null;
        Done(await _world.SendAsync(room, Alice, "better now", "t1"));
    }

    [Fact]
    public async Task policy_server_that_is_away_or_signs_with_another_key_lets_nothing_through()
    {
        var room = await RoomWithPolicyAsync();
        var before = await _world.FactsOfAsync(room);
        _policy.Decide = _ => TestPolicyServer.Silence;
        Assert.Equal(502, Refused(await _world.SendAsync(room, Alice, "hello")).Status);
        _policy.Decide = _ => new PolicyAnswer.Signed(new string('A', 86));
        Assert.Equal(502, Refused(await _world.SendAsync(room, Alice, "hello")).Status);

        Assert.Equal(before.Count, (await _world.FactsOfAsync(room)).Count);
    }

    [Fact]
    public async Task policy_itself_needs_no_signature_so_that_it_can_be_taken_back()
    {
        var room = await RoomWithPolicyAsync();
        _policy.Decide = _ => TestPolicyServer.Silence;
        Done(await _world.SetStateAsync(room, Alice, EventTypes.PolicyServer, "", "{}"));
        Done(await _world.SendAsync(room, Alice, "free"));

        Assert.Empty(_policy.Asked);
    }

    [Fact]
    public async Task server_without_a_user_in_the_room_is_not_asked()
    {
        var room = await RoomWithPolicyAsync(via: "policy.example");
        Done(await _world.SendAsync(room, Alice, "hello"));

        Assert.Empty(_policy.Asked);
    }

    [Fact]
    public async Task while_it_thinks_the_room_and_others_go_on()
    {
        var room = await RoomWithPolicyAsync();
        var other = await _world.CreatePublicAsync();
        var (asked, thought) = Hold(pdu => pdu.FindContentString("body"u8) == "slow");
        var slow = _world.SendAsync(room, Alice, "slow");
        await asked;

        var quick = Done(await _world.SendAsync(room, Alice, "quick"));
        Done(await _world.SendAsync(other, Alice, "elsewhere"));
        Assert.False(slow.IsCompleted);
        thought.SetResult();
        var late = Done(await slow);
        var next = Done(await _world.SendAsync(room, Alice, "next"));
        var facts = await _world.FactsOfAsync(room);

        Assert.Equal([quick, late], facts[^2].ForwardExtremities.ToList());
        Assert.Equal([quick, late], PduOf(facts[^1]).PrevEvents.ToList());
        Assert.Equal(next, Assert.Single(facts[^1].ForwardExtremities));
    }

    [Fact]
    public async Task who_is_banned_while_it_thinks_has_sent_nothing()
    {
        var room = await RoomWithPolicyAsync();
        Done(await _world.JoinAsync(Bob, room.Value));
        var (asked, thought) = Hold(pdu => pdu.Sender == Bob);
        var sent = _world.SendAsync(room, Bob, "last words");
        await asked;
        Done(await _world.BanAsync(room, Alice, Bob));
        thought.SetResult();

        Assert.Equal(ErrCodes.Forbidden, Refused(await sent).ErrCode);
        Assert.DoesNotContain(await _world.FactsOfAsync(room), fact => fact.Disposition != PduDisposition.Accepted);
    }

    [Fact]
    public async Task policy_that_changes_while_it_thinks_is_asked_anew()
    {
        var room = await RoomWithPolicyAsync();
        var (asked, thought) = Hold(_ => true);
        var sent = _world.SendAsync(room, Alice, "hello");
        await asked;
        Done(await _world.SetStateAsync(room, Alice, EventTypes.PolicyServer, "", "{}"));
        thought.SetResult();
        var eventId = Done(await sent);

        Assert.Equal(eventId, (await _world.FactsOfAsync(room))[^1].EventId);
    }

    [Fact]
    public async Task same_request_twice_is_one_event_whether_at_once_or_later()
    {
        var room = await RoomWithPolicyAsync();
        var (asked, thought) = Hold(_ => true);
        var one = _world.SendAsync(room, Alice, "hello", "t1");
        await asked;
        var two = _world.SendAsync(room, Alice, "hello", "t1");
        thought.SetResult();
        var first = Done(await one);
        Assert.Equal(first, Done(await two));
        var askedBefore = _policy.Asked.Count;

        Assert.Equal(first, Done(await _world.SendAsync(room, Alice, "hello", "t1")));
        await using var restarted = new RoomserverWorld(_world.Log, _world.Nodes, policies: _policy);
        Assert.Equal(first, Done(await restarted.SendAsync(room, Alice, "hello", "t1")));
        Assert.Equal(askedBefore, _policy.Asked.Count);
        Assert.Single(await _world.FactsOfAsync(room), fact => fact.TransactionId == "t1");
    }

    [Fact]
    public async Task only_a_few_are_on_their_way_at_once()
    {
        var room = await RoomWithPolicyAsync();
        _policy.Think = async _ => await Task.Yield();
        var sent = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _world.SendAsync(room, Alice, $"{i}")));
        var facts = await _world.FactsOfAsync(room);

        Assert.All(sent, one => Done(one));
        Assert.InRange(_policy.AtOnceMax, 1, 4);
        Assert.All(facts, fact => Assert.InRange(fact.ForwardExtremities.Length, 1, 4));
    }

    [Fact]
    public async Task redaction_takes_effect()
    {
        var room = await RoomWithPolicyAsync();
        var sent = Done(await _world.SendAsync(room, Alice, "oops"));
        Done(await _world.RedactAsync(room, Alice, sent, "r1"));

        Assert.Equal(sent, (await _world.FactsOfAsync(room))[^1].RedactsApplied);
    }

    [Fact]
    public async Task invite_keeps_the_state_that_it_shows()
    {
        var room = await RoomWithPolicyAsync();
        Done(await _world.InviteAsync(room, Alice, Bob));

        Assert.NotNull((await _world.FactsOfAsync(room))[^1].StrippedState);
    }

    [Fact]
    public async Task room_that_is_founded_with_it_has_signatures_from_then_on()
    {
        var room = await _world.CreateAsync(Alice, create => create with
        {
            InitialState = [new InitialState(EventTypes.PolicyServer, "", Json(_policy.Content()))],
            Name = "guarded",
        });
        var facts = await _world.FactsOfAsync(room);
        var at = facts.FindIndex(fact => PduOf(fact).Type == EventTypes.PolicyServer);

        Assert.DoesNotContain(facts[..(at + 1)], fact => _policy.HasSigned(PduOf(fact)));
        Assert.NotEmpty(facts[(at + 1)..]);
        Assert.All(facts[(at + 1)..], fact => Assert.True(_policy.HasSigned(PduOf(fact))));

        _policy.Decide = _ => TestPolicyServer.Refusal;
        Assert.Equal("It looks like spam.", Refused(await _world.TryCreateAsync(Alice, create => create with
        {
            InitialState = [new InitialState(EventTypes.PolicyServer, "", Json(_policy.Content()))],
            Name = "spam",
        })).Message);
    }

    private async Task<RoomId> RoomWithPolicyAsync(string via = "hs")
    {
        var room = await _world.CreatePublicAsync();
        Done(await _world.SetStateAsync(room, Alice, EventTypes.PolicyServer, "", _policy.Content(via)));
        return room;
    }

    /// <summary>Holds the first answer back about such a PDU.</summary>
    private (Task Asked, TaskCompletionSource Thought) Hold(Func<Pdu, bool> about)
    {
        var asked = new TaskCompletionSource();
        var thought = new TaskCompletionSource();
        _policy.Think = pdu => about(pdu) && asked.TrySetResult() ? thought.Task : Task.CompletedTask;
        return (asked.Task, thought);
    }

    private static Pdu PduOf(PduRecorded fact) =>
        PduParser.ParseStored(fact.Pdu.Utf8, RoomVersionRules.Find(fact.RoomVersion)!, fact.EventId);
}

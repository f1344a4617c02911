using System.Globalization;
using Matrix.EventSourced.Commands.AppService;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.PublicRooms;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.AppService;

public class Network_listing_decider
{
    private static readonly RoomId Room = RoomId.Parse("!room:hs");
    private static readonly UserId Ghost = UserId.Parse("@_irc_ghost:hs");

    [Fact]
    public void lists_a_room_once_per_network()
    {
        Then(NetworkListingDecider.Decide(Given(), Listing("net", true)), Listing("net", true));
        Then(NetworkListingDecider.Decide(Given(Listing("net", true)), Listing("net", true)));
        Then(NetworkListingDecider.Decide(Given(Listing("net", true)), Listing("other", true)), Listing("other", true));
        Then(NetworkListingDecider.Decide(Given(Listing("net", true)), Listing("net", false)), Listing("net", false));
        Then(NetworkListingDecider.Decide(Given(), Listing("net", false)));
    }

    [Fact]
    public void refuses_more_networks_than_a_room_can_be_on()
    {
        var many = Given([.. Enumerable.Range(0, NetworkListingDecider.NetworksMax)
            .Select(n => Listing(n.ToString(CultureInfo.InvariantCulture), true))]);
        var decision = NetworkListingDecider.Decide(many, Listing("more", true));
        Assert.Equal(ErrCodes.Forbidden, Assert.IsType<Decision.Refused>(decision).Error.ErrCode);
    }

    [Fact]
    public void vouching_opens_a_session_without_a_password_and_not_for_whom_there_is_none()
    {
        var token = new StoredAccessToken("hash", "DEV", 1);
        var known = CredentialsState.Initial.Evolve(new CredentialsChanged(Ghost, null, []));
        Assert.IsType<Decision.Accepted>(CredentialsDecider.IssueTokenWithoutPassword(known, Ghost, token));
        Assert.IsType<Decision.Refused>(
            CredentialsDecider.IssueTokenWithoutPassword(CredentialsState.Initial, Ghost, token));
        var closed = CredentialsState.Initial.Evolve(new CredentialsChanged(Ghost, null, [], IsDeactivated: true));
        Assert.Equal(
            ErrCodes.UserDeactivated,
            Assert.IsType<Decision.Refused>(
                CredentialsDecider.IssueTokenWithoutPassword(closed, Ghost, token)).Error.ErrCode);
    }

    private static NetworkListingChanged Listing(string network, bool isListed) => new(Room, "irc", network, isListed);

    private static NetworkListingState Given(params IFact[] facts) =>
        facts.Aggregate(NetworkListingState.Initial, (state, fact) => state.Evolve(fact));

    private static void Then(Decision decision, params IFact[] facts) =>
        Assert.Equal(facts, Assert.IsType<Decision.Accepted>(decision).Facts);
}

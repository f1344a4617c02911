using System.Collections.Immutable;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Credentials;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Credentials_decider
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");

    [Fact]
    public void gives_the_name_to_the_first_credentials()
    {
        var after = Then(CredentialsDecider.Create(CredentialsState.Initial, Alice, "h", Token("D", "t")));
        Assert.Equal("h", after.PasswordHash);
        Refuses(ErrCodes.UserInUse, CredentialsDecider.Create(after, Alice, "other", null));
    }

    [Fact]
    public void replaces_the_token_of_the_same_device()
    {
        var after = Then(
            CredentialsDecider.IssueToken(Given(Token("A", "1"), Token("B", "2")), Alice, "h", Token("A", "3")));
        Assert.Equal([Token("B", "2"), Token("A", "3")], after.Tokens.AsEnumerable());
    }

    [Fact]
    public void refuses_a_login_whose_password_changed_meanwhile() => Refuses(
        ErrCodes.Forbidden, CredentialsDecider.IssueToken(Given(), Alice, "an older hash", Token("A", "1")));

    [Fact]
    public void refuses_a_login_to_an_account_without_a_password() => Refuses(
        ErrCodes.Forbidden,
        CredentialsDecider.IssueToken(
            CredentialsState.Initial.Evolve(new CredentialsChanged(Alice, null, [])), Alice, null, Token("A", "1")));

    [Fact]
    public void refuses_a_login_to_a_closed_account()
    {
        var closed = Then(CredentialsDecider.Deactivate(Given(Token("A", "1")), Alice));
        Assert.Null(closed.PasswordHash);
        Assert.Empty(closed.Tokens);
        Refuses(ErrCodes.UserDeactivated, CredentialsDecider.IssueToken(closed, Alice, "h", Token("A", "2")));
        Refuses(ErrCodes.UserDeactivated, CredentialsDecider.ChangePassword(closed, Alice, "h", true, null));
        Assert.Same(Decision.Nothing, CredentialsDecider.Deactivate(closed, Alice));
    }

    [Fact]
    public void ends_the_oldest_session_above_the_limit()
    {
        var full = Given([.. Enumerable.Range(0, Limits.AccessTokensMax).Select(i => Token($"D{i}", $"{i}"))]);
        var after = Then(CredentialsDecider.IssueToken(full, Alice, "h", Token("NEW", "new")));
        Assert.Equal(Limits.AccessTokensMax, after.Tokens.Length);
        Assert.Equal(["D0"], CredentialsDecider.EndedDevices(full, after));
    }

    [Fact]
    public void revokes_the_named_devices_only()
    {
        var state = Given(Token("A", "1"), Token("B", "2"));
        var after = Then(CredentialsDecider.RevokeDevices(state, Alice, ["A", "X"]));
        Assert.Equal([Token("B", "2")], after.Tokens.AsEnumerable());
        Assert.Same(Decision.Nothing, CredentialsDecider.RevokeDevices(after, Alice, ["A", "X"]));
    }

    [Fact]
    public void revokes_everything()
    {
        var after = Then(CredentialsDecider.RevokeAll(Given(Token("A", "1")), Alice));
        Assert.Empty(after.Tokens);
        Assert.Equal("h", after.PasswordHash);
        Assert.Same(Decision.Nothing, CredentialsDecider.RevokeAll(after, Alice));
    }

    [Theory]
    [InlineData(true, new[] { "A" })]
    [InlineData(false, new[] { "A", "B" })]
    public void keeps_the_session_that_changes_the_password(bool endsOthers, string[] left)
    {
        var state = Given(Token("A", "1"), Token("B", "2"));
        var after = Then(CredentialsDecider.ChangePassword(state, Alice, "new", endsOthers, "A"));
        Assert.Equal("new", after.PasswordHash);
        Assert.Equal(left, after.Tokens.Select(token => token.DeviceId));
    }

    private static StoredAccessToken Token(string device, string hash) => new(hash, device, 1);

    private static CredentialsState Given(params ImmutableArray<StoredAccessToken> tokens) =>
        CredentialsState.Initial.Evolve(new CredentialsChanged(Alice, "h", tokens));

    private static CredentialsState Then(Decision decision) =>
        CredentialsState.Initial.Evolve(Assert.Single(Assert.IsType<Decision.Accepted>(decision).Facts));

    private static void Refuses(string errCode, Decision decision) =>
        Assert.Equal(errCode, Assert.IsType<Decision.Refused>(decision).Error.ErrCode);
}

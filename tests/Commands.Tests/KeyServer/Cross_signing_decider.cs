using Matrix.EventSourced.Commands.KeyServer;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.KeyServer;
using static Matrix.EventSourced.Kit.KeyServer.TestKeys;

namespace Matrix.EventSourced.Commands.Tests.KeyServer;

public sealed class Cross_signing_decider
{
    private static readonly CrossSigningUpload First = new(
        CrossSigning(Alice, "master", 1),
        CrossSigning(Alice, "self_signing", 2, 1),
        CrossSigning(Alice, "user_signing", 3, 1));

    [Fact]
    public void first_keys_and_the_same_keys_need_no_authentication()
    {
        Assert.False(CrossSigningDecider.NeedsAuthentication(DeviceKeysState.Initial, First));
        var state = Set(DeviceKeysState.Initial, First);
        Assert.False(CrossSigningDecider.NeedsAuthentication(state, First));
        Assert.Empty(Facts(CrossSigningDecider.Set(state, Alice, First)));
        Assert.False(CrossSigningDecider.NeedsAuthentication(state, First with { UserSigningKey = null }));
        // Without the master key, with another key, or with one more, it is a change.
        Assert.True(CrossSigningDecider.NeedsAuthentication(state, First with { MasterKey = null }));
        Assert.True(CrossSigningDecider.NeedsAuthentication(
            state, First with { UserSigningKey = CrossSigning(Alice, "user_signing", 4, 1) }));
        var half = Set(DeviceKeysState.Initial, First with { UserSigningKey = null });
        Assert.True(CrossSigningDecider.NeedsAuthentication(half, First));
    }

    [Fact]
    public void keys_have_to_be_signed_by_the_master_key()
    {
        Assert.Equal("M_MISSING_PARAM", Refusal(DeviceKeysState.Initial, First with { MasterKey = null }));
        Assert.Equal(
            "M_INVALID_SIGNATURE",
            Refusal(DeviceKeysState.Initial, First with { SelfSigningKey = CrossSigning(Alice, "self_signing", 2) }));
        Assert.Equal(
            "M_INVALID_SIGNATURE",
            Refusal(DeviceKeysState.Initial, First with { UserSigningKey = CrossSigning(Alice, "user_signing", 3, 9) }));
    }

    [Fact]
    public void new_master_key_takes_keys_along_that_it_signed()
    {
        var state = Set(DeviceKeysState.Initial, First);
        var next = Set(state, new(CrossSigning(Alice, "master", 5), CrossSigning(Alice, "self_signing", 6, 5), null));
        Assert.Equal(Public(5), KeyJson.PublicKeyOf(next.MasterKey));
        Assert.Equal(Public(6), KeyJson.PublicKeyOf(next.SelfSigningKey));
        Assert.Null(next.UserSigningKey);
    }

    [Fact]
    public void another_user_signing_key_is_nobody_elses_business()
    {
        var state = Set(DeviceKeysState.Initial, First);
        var upload = new CrossSigningUpload(null, null, CrossSigning(Alice, "user_signing", 4, 1));
        Assert.True(((CrossSigningKeysChanged)Facts(CrossSigningDecider.Set(state, Alice, upload)).Single()).IsPrivate);
    }

    [Fact]
    public void device_and_key_have_different_names()
    {
        var named = WithDevice(DeviceKeysState.Initial, Public(1), 9);
        Assert.Equal("M_FORBIDDEN", Refusal(named, First));
        var state = Set(DeviceKeysState.Initial, First);
        var decision = DeviceKeysDecider.SetKeys(state, Alice, Public(2), null, Device(Alice, Public(2), 9));
        Assert.Equal("M_FORBIDDEN", Assert.IsType<Decision.Refused>(decision).Error.ErrCode);
    }

    [Fact]
    public void self_signing_key_signs_devices_and_devices_sign_the_master_key()
    {
        var state = WithDevice(Set(DeviceKeysState.Initial, First), "DEV", 9);
        var device = state.Devices["DEV"].Keys!.Value;
        var signed = Signed(device, Alice, (Public(2), 2));
        state = Accept(state, CrossSigningDecider.SignOwn(state, Alice, "DEV", KeyJson.Parse(signed)));
        Assert.True(KeyJson.IsSignedBy(KeyJson.Parse(state.Devices["DEV"].Keys!.Value), Alice, Public(2)));
        // Who uploads the same keys again keeps the signature.
        Assert.Empty(Facts(DeviceKeysDecider.SetKeys(state, Alice, "DEV", "name", device)));
        Assert.Empty(Facts(CrossSigningDecider.SignOwn(state, Alice, "DEV", KeyJson.Parse(signed))));

        var master = Signed(state.MasterKey!.Value, Alice, ("DEV", 9));
        state = Accept(state, CrossSigningDecider.SignOwn(state, Alice, Public(1), KeyJson.Parse(master)));
        Assert.Equal(["ed25519:DEV"], KeyJson.SignaturesOf(KeyJson.Parse(state.MasterKey!.Value), Alice).Select(one => one.KeyId));
    }

    [Theory]
    [InlineData("DEV", 3, "M_INVALID_SIGNATURE")]
    [InlineData("OTHER", 2, "M_NOT_FOUND")]
    public void device_is_not_signed_by_another_key(string deviceId, byte seed, string errCode)
    {
        var state = WithDevice(Set(DeviceKeysState.Initial, First), "DEV", 9);
        var signed = Signed(state.Devices["DEV"].Keys!.Value, Alice, (Public(2), seed));
        Assert.Equal(errCode, ErrCode(CrossSigningDecider.SignOwn(state, Alice, deviceId, KeyJson.Parse(signed))));
    }

    [Fact]
    public void what_is_signed_must_be_the_key_that_is_known()
    {
        var state = WithDevice(Set(DeviceKeysState.Initial, First), "DEV", 9);
        var other = Signed(Device(Alice, "DEV", 8), Alice, (Public(2), 2));
        Assert.Equal("M_INVALID_PARAM", ErrCode(CrossSigningDecider.SignOwn(state, Alice, "DEV", KeyJson.Parse(other))));
    }

    [Fact]
    public void user_signing_key_signs_other_users_master_keys()
    {
        var state = Set(DeviceKeysState.Initial, First);
        var bobs = CrossSigning(Bob, "master", 7);
        var signed = KeyJson.Parse(Signed(bobs, Alice, (Public(3), 3)));
        var next = Accept(state, CrossSigningDecider.SignOther(state, Alice, Bob, bobs, Public(7), signed));
        Assert.Single(next.Signed);
        Assert.Empty(Facts(CrossSigningDecider.SignOther(next, Alice, Bob, bobs, Public(7), signed)));
        Assert.Equal("M_NOT_FOUND", ErrCode(CrossSigningDecider.SignOther(state, Alice, Bob, null, Public(7), signed)));
        Assert.Equal("M_NOT_FOUND", ErrCode(CrossSigningDecider.SignOther(state, Alice, Bob, bobs, Public(8), signed)));
        var forged = KeyJson.Parse(Signed(bobs, Alice, (Public(3), 2)));
        Assert.Equal(
            "M_INVALID_SIGNATURE", ErrCode(CrossSigningDecider.SignOther(state, Alice, Bob, bobs, Public(7), forged)));
    }

    [Fact]
    public void updates_of_the_list_are_a_chain()
    {
        var state = WithDevice(DeviceKeysState.Initial, "ONE", 1);
        state = WithDevice(state, "TWO", 2);
        var facts = Facts(DeviceKeysDecider.Remove(state, Alice, ["TWO", "ONE", "NONE", "TWO"]));
        Assert.Equal(
            [(3L, 2L), (4L, 3L)],
            facts.Cast<DeviceListUpdated>().Select(fact => (fact.StreamId, fact.PrevId!.Value)));
        Assert.Empty(facts.Aggregate(state, (before, fact) => before.Evolve(fact)).Devices);
    }

    private static DeviceKeysState WithDevice(DeviceKeysState state, string deviceId, byte seed) => Accept(
        state, DeviceKeysDecider.SetKeys(state, Alice, deviceId, "name", Device(Alice, deviceId, seed)));

    private static DeviceKeysState Set(DeviceKeysState state, CrossSigningUpload upload) =>
        Accept(state, CrossSigningDecider.Set(state, Alice, upload));

    private static DeviceKeysState Accept(DeviceKeysState state, Decision decision) =>
        Facts(decision).Aggregate(state, (before, fact) => before.Evolve(fact));

    private static IReadOnlyList<IFact> Facts(Decision decision) => Assert.IsType<Decision.Accepted>(decision).Facts;

    private static string Refusal(DeviceKeysState state, CrossSigningUpload upload) =>
        ErrCode(CrossSigningDecider.Set(state, Alice, upload));

    private static string ErrCode(Decision decision) => Assert.IsType<Decision.Refused>(decision).Error.ErrCode;
}

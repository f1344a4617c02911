using CsCheck;
using Matrix.EventSourced.Commands.Messaging;
using Matrix.EventSourced.Commands.UserApi.Accounts;
using Matrix.EventSourced.Facts;
using Matrix.EventSourced.Facts.UserApi;
using Matrix.EventSourced.Protocol;
using Matrix.EventSourced.Protocol.Errors;
using Matrix.EventSourced.Protocol.Identifiers;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Account_decider
{
    private static readonly UserId Alice = UserId.Parse("@alice:hs");
    private static readonly AccountRegistered Registered = new(Alice, AccountKind.User, false);

    [Fact]
    public void registers_a_new_account_with_its_first_device() => Then(
        AccountDecider.Register(Given(), Registered, Device("D"), hasCredentials: false), Registered, Device("D"));

    [Fact]
    public void registers_without_a_device_where_no_login_is_wanted() =>
        Then(AccountDecider.Register(Given(), Registered, null, hasCredentials: false), Registered);

    [Fact]
    public void refuses_a_name_that_is_taken() => Refuses(
        ErrCodes.UserInUse, AccountDecider.Register(Given(Registered), Registered, Device("D"), hasCredentials: true));

    [Fact]
    public void takes_over_a_registration_that_broke_off_without_what_it_left()
    {
        var abandoned = Given(new AccountRegistered(Alice, AccountKind.User, IsAdmin: true), Device("OLD"));

        var decision = AccountDecider.Register(abandoned, Registered, Device("NEW"), hasCredentials: false);

        Then(decision, Registered, new DeviceDeleted(Alice, "OLD"), Device("NEW"));
        var after = Evolve(abandoned, decision);
        Assert.False(after.IsAdmin);
        Assert.Equal(["NEW"], after.Devices.Keys);
    }

    [Fact]
    public void opens_a_new_device() =>
        Then(AccountDecider.OpenDevice(Given(Registered), Device("D")), Device("D"));

    [Fact]
    public void keeps_the_name_of_a_known_device() => Then(
        AccountDecider.OpenDevice(Given(Registered, Device("D")), new DeviceCreated(Alice, "D", "another name")));

    [Fact]
    public void renames_a_device() => Then(
        AccountDecider.RenameDevice(Given(Registered, Device("D")), new DeviceRenamed(Alice, "D", "tablet")),
        new DeviceRenamed(Alice, "D", "tablet"));

    [Fact]
    public void does_nothing_for_the_name_that_a_device_has() => Then(
        AccountDecider.RenameDevice(Given(Registered, Device("D")), new DeviceRenamed(Alice, "D", "phone")));

    [Fact]
    public void refuses_to_rename_an_unknown_device() => Refuses(
        ErrCodes.NotFound, AccountDecider.RenameDevice(Given(Registered), new DeviceRenamed(Alice, "D", "phone")));

    [Fact]
    public void deletes_known_devices_once_and_passes_over_unknown_ones() => Then(
        AccountDecider.DeleteDevices(Given(Registered, Device("A"), Device("B")), Alice, ["B", "X", "B"]),
        new DeviceDeleted(Alice, "B"));

    [Fact]
    public void sets_and_removes_a_profile_field()
    {
        var set = new ProfileChanged(Alice, "displayname", RawJson.FromText("\"Alice\""));
        var state = Given(Registered);
        Then(AccountDecider.SetProfileField(state, set), set);

        state = Given(Registered, set);
        Then(AccountDecider.SetProfileField(state, set));
        var removed = set with { Value = null };
        Then(AccountDecider.SetProfileField(state, removed), removed);
        Then(AccountDecider.SetProfileField(Given(Registered), removed));
    }

    [Fact]
    public void lets_guests_change_their_display_name_only()
    {
        var guest = Given(Registered with { Kind = AccountKind.Guest });
        var name = new ProfileChanged(Alice, "displayname", RawJson.FromText("\"G\""));
        Then(AccountDecider.SetProfileField(guest, name), name);
        Refuses(
            ErrCodes.GuestAccessForbidden, AccountDecider.SetProfileField(guest, name with { Field = "avatar_url" }));
    }

    [Fact]
    public void keeps_a_profile_within_its_size()
    {
        var half = RawJson.FromText("\"" + new string('x', Limits.ProfileBytesMax / 2) + "\"");
        var state = Given(Registered, new ProfileChanged(Alice, "org.example.a", half));
        Refuses(ErrCodes.ProfileTooLarge, AccountDecider.SetProfileField(
            state, new ProfileChanged(Alice, "org.example.b", half)));
        var same = new ProfileChanged(Alice, "org.example.a", RawJson.FromText("1"));
        Then(AccountDecider.SetProfileField(state, same), same);
    }

    [Theory]
    [InlineData("{}", 0)]
    [InlineData("{\"a.b\":1}", 1)]
    [InlineData("{\"a.b\":1,\"c.d\":\"é\"}", 2)]
    public void counts_a_profile_as_its_json(string json, int count)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        var fields = document.RootElement.EnumerateObject(
            ).ToDictionary(one => one.Name, one => RawJson.FromText(one.Value.GetRawText()));
        Assert.Equal(count, fields.Count);
        Assert.Equal(System.Text.Encoding.UTF8.GetByteCount(json), ProfileFields.SizeBytes(fields));
    }

    [Theory]
    [InlineData("displayname", null)]
    [InlineData("avatar_url", null)]
    [InlineData("m.tz", null)]
    [InlineData("org.example.some_field-2", null)]
    [InlineData("", ErrCodes.InvalidParam)]
    [InlineData("nodot", ErrCodes.InvalidParam)]
    [InlineData("Org.example", ErrCodes.InvalidParam)]
    [InlineData("org.exa mple", ErrCodes.InvalidParam)]
    [InlineData("1org.example", ErrCodes.InvalidParam)]
    public void knows_the_names_of_profile_fields(string key, string? errCode) =>
        Assert.Equal(errCode, ProfileFields.FindProblem(key)?.ErrCode);

    [Fact]
    public void refuses_a_field_name_over_255_bytes()
    {
        Assert.Null(ProfileFields.FindProblem("a." + new string('b', 253)));
        Assert.Equal(ErrCodes.KeyTooLarge, ProfileFields.FindProblem("a." + new string('b', 254))?.ErrCode);
    }

    [Fact]
    public void stores_a_filter_once()
    {
        var filter = RawJson.FromText("{\"room\":{}}");
        var stored = new FilterStored(Alice, AccountDecider.FilterIdOf(filter), filter);
        Then(AccountDecider.StoreFilter(Given(Registered), stored), stored);
        Then(AccountDecider.StoreFilter(Given(Registered, stored), stored));
        Assert.NotEqual('{', stored.FilterId[0]);
    }

    [Fact]
    public void decides_nothing_more_after_its_own_facts()
    {
        // Law: decide, evolve, decide again = nothing, whatever came before.
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Int[0, 3]).Array[0, 20].Sample(
            steps =>
            {
                var state = Given(Registered);
                foreach (var (command, id, value) in steps)
                {
                    var once = Decide(state, command, id, value);
                    state = Evolve(state, once);
                    if (once is Decision.Accepted)
                        Assert.Equal(Decision.Nothing, Normal(Decide(state, command, id, value)));
                }
            },
            iter: 200);
    }

    private static Decision Decide(AccountState state, int command, int id, int value) => command switch
    {
        0 => AccountDecider.OpenDevice(state, new DeviceCreated(Alice, $"D{id}", $"name {value}")),
        1 when state.Devices.ContainsKey($"D{id}") =>
            AccountDecider.RenameDevice(state, new DeviceRenamed(Alice, $"D{id}", $"name {value}")),
        2 => AccountDecider.DeleteDevices(state, Alice, [$"D{id}", $"D{value}"]),
        3 => AccountDecider.SetProfileField(state, new ProfileChanged(Alice, $"a.f{id}", RawJson.FromText($"{value}"))),
        4 => AccountDecider.SetProfileField(state, new ProfileChanged(Alice, $"a.f{id}", null)),
        _ => AccountDecider.StoreFilter(state, new FilterStored(Alice, $"F{id}", RawJson.FromText("{}"))),
    };

    // Accepted without facts is one answer, whichever list says so.
    private static Decision Normal(Decision decision) =>
        decision is Decision.Accepted { Facts.IsEmpty: true } ? Decision.Nothing : decision;

    private static AccountState Given(params IFact[] facts) =>
        facts.Aggregate(AccountState.Initial, (state, fact) => state.Evolve(fact));

    private static AccountState Evolve(AccountState state, Decision decision) =>
        decision is Decision.Accepted accepted
            ? accepted.Facts.Aggregate(state, (one, fact) => one.Evolve(fact))
            : state;

    private static DeviceCreated Device(string id) => new(Alice, id, "phone");

    private static void Then(Decision decision, params IFact[] facts) =>
        Assert.Equal(facts, Assert.IsType<Decision.Accepted>(decision).Facts);

    private static void Refuses(string errCode, Decision decision) =>
        Assert.Equal(errCode, Assert.IsType<Decision.Refused>(decision).Error.ErrCode);
}

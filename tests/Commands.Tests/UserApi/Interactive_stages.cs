using System.Text.Json;
using Matrix.EventSourced.Commands.UserApi;
using Matrix.EventSourced.Commands.UserApi.InteractiveAuth;
using Matrix.EventSourced.Protocol.Errors;
using static Matrix.EventSourced.Commands.Tests.UserApi.UserApiWorld;

namespace Matrix.EventSourced.Commands.Tests.UserApi;

public class Interactive_stages
{
    private readonly UserApiWorld _world = new();
    private readonly InteractiveStages _stages;

    public Interactive_stages() => _stages = new InteractiveStages(
        new RegistrationPolicy(RegistrationOpenness.Token, ["letmein", "me-too"], false, null), _world.Passwords);

    [Theory]
    [InlineData("""{"token":"letmein"}""", null)]
    [InlineData("""{"token":"me-too"}""", null)]
    [InlineData("""{"token":"other"}""", ErrCodes.Unauthorized)]
    [InlineData("""{"token":""}""", ErrCodes.Unauthorized)]
    [InlineData("""{"token":7}""", ErrCodes.BadJson)]
    [InlineData("{}", ErrCodes.MissingParam)]
    public async Task a_registration_token_is_checked(string auth, string? errCode) => Assert.Equal(
        errCode, (await _stages.CheckRegistrationAsync(InteractiveFlows.RegistrationToken, Parse(auth)))?.ErrCode);

    [Theory]
    [InlineData("""{"identifier":{"type":"m.id.user","user":"alice"},"password":"secret"}""", null)]
    [InlineData("""{"identifier":{"type":"m.id.user","user":"@alice:hs"},"password":"secret"}""", null)]
    [InlineData("""{"user":"alice","password":"secret"}""", null)]
    [InlineData("""{"user":"alice","password":"wrong"}""", ErrCodes.Forbidden)]
    [InlineData("""{"user":"bob","password":"secret"}""", ErrCodes.Forbidden)]
    [InlineData("""{"user":"@alice:elsewhere","password":"secret"}""", ErrCodes.Forbidden)]
    [InlineData("""{"user":"alice"}""", ErrCodes.MissingParam)]
    [InlineData("""{"user":"alice","password":7}""", ErrCodes.BadJson)]
    [InlineData("""{"user":7,"password":"secret"}""", ErrCodes.BadJson)]
    [InlineData("""{"password":"secret"}""", ErrCodes.MissingParam)]
    [InlineData("""{"identifier":7,"password":"secret"}""", ErrCodes.BadJson)]
    [InlineData("""{"identifier":{},"password":"secret"}""", ErrCodes.MissingParam)]
    [InlineData("""{"identifier":{"type":"m.id.user"},"password":"secret"}""", ErrCodes.MissingParam)]
    [InlineData("""{"identifier":{"type":"m.id.thirdparty"},"password":"secret"}""", ErrCodes.Forbidden)]
    [InlineData("""{"identifier":{"type":"org.example"},"password":"secret"}""", ErrCodes.Unknown)]
    public async Task a_password_is_checked(string auth, string? errCode)
    {
        Done(await _world.RegisterAsync());
        Done(await _world.RegisterAsync("bob"));
        Assert.Equal(
            errCode, (await _stages.CheckPasswordAsync(InteractiveFlows.Password, Parse(auth), Alice))?.ErrCode);
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;
}

using Matrix.EventSourced.Api.Http;

namespace Matrix.EventSourced.Api.Tests.Http;

public sealed class RouterTests
{
    private static readonly Router Router = Build(
        "GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey?}",
        "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey?}",
        "GET /_matrix/client/v3/rooms/{roomId}/state",
        "GET /_matrix/client/v3/profile/{userId}",
        "GET /_matrix/client/v3/profile/{userId}/{keyName}",
        "GET /_matrix/client/v1/things/{thing}/fixed",
        "GET /_matrix/client/v1/things/known/{other}",
        "GET /_matrix/client/versions",
        "GET /");

    [Theory]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name", "!a:hs|m.room.name|")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/", "!a:hs|m.room.name|")]
    [InlineData("/_matrix/client/v3/rooms/!a%3Ahs/state/m.room.name/k%2Fey", "!a:hs|m.room.name|k/ey")]
    [InlineData("/_matrix/client/r0/rooms/!a:hs/state/x/%C3%A4+b?dir=f", "!a:hs|x|ä+b")]
    [InlineData("/_matrix/client/%763/profile/@a:hs", "@a:hs")]
    [InlineData("http://hs:8008/_matrix/client/v3/profile/@a:hs?x", "@a:hs")]
    [InlineData("/_matrix/client/v1/things/known/fixed", "fixed")]
    [InlineData("/_matrix/client/v1/things/unknown/fixed", "unknown")]
    [InlineData("/_matrix/client/versions", "")]
    [InlineData("/", "")]
    public void decodes_parameters_segment_by_segment(string target, string parameters)
    {
        var found = Assert.IsType<RouteMatch.Found>(Router.Find("GET", target));
        Assert.Equal(parameters, string.Join('|', found.Parameters.Select(p => p.Value)));
    }

    [Theory]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/%zz")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/%4")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/%00")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/%C3%28")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/m.room.name/%ED%A0%80")]
    [InlineData("/_matrix/client/v3/profile/\u0000")]
    public void refuses_bad_encoding(string target) =>
        Assert.IsType<RouteMatch.BadEncoding>(Router.Find("GET", target));

    [Theory]
    [InlineData("/_matrix/client/v3/nothing")]
    [InlineData("/_matrix/client/v3/profile/")]
    [InlineData("/_matrix/client/v3/rooms//state")]
    [InlineData("/_matrix/client/v3/rooms/!a:hs/state/")]
    [InlineData("/_matrix/client/versions/")]
    [InlineData("//_matrix/client/versions")]
    [InlineData("/_matrix/client/v3/rooms")]
    [InlineData("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z")]
    [InlineData("*")]
    [InlineData("hs:443")]
    [InlineData("")]
    public void knows_no_other_path(string target) => Assert.IsType<RouteMatch.UnknownPath>(Router.Find("GET", target));

    [Fact]
    public void names_the_methods_of_a_known_path()
    {
        var wrong =
            Assert.IsType<RouteMatch.WrongMethod>(Router.Find("DELETE", "/_matrix/client/v3/rooms/!a:hs/state/x/y"));
        Assert.Equal("GET, HEAD, OPTIONS, PUT", wrong.Allowed);
    }

    [Fact]
    public void answers_head_where_get_is_known() =>
        Assert.IsType<RouteMatch.Found>(Router.Find("HEAD", "/_matrix/client/versions"));

    [Fact]
    public void refuses_two_endpoints_for_one_path() =>
        Assert.Throws<InvalidOperationException>(() => Build("GET /a/{b}", "GET /a/{c}"));

    private static Router Build(params string[] endpoints)
    {
        var table = new EndpointTable();
        foreach (var endpoint in endpoints)
        {
            var (method, path) = (endpoint.Split(' ')[0], endpoint.Split(' ')[1]);
            table.Add(new EndpointSpec(method, path, AuthKind.None, RateClass.None, "x#y"), _ =>
                new(MatrixResponse.Empty));
        }
        return new Router(table);
    }
}

using System.Text.Json;

namespace Matrix.EventSourced.Api.Tests.SpecSchemas;

public sealed class Json_schema
{
    private const string Schema =
        """
        {"type":"object","required":["id","kind"],"additionalProperties":false,
         "properties":{"id":{"type":"string","pattern":"^@"},"kind":{"enum":["a","b"]},
                       "many":{"type":"array","minItems":1,"items":{"type":["integer","null"]}},
                       "either":{"oneOf":[{"type":"string"},{"type":"object","required":["x"]}]}}}
        """;

    [Theory]
    [InlineData("""{"id":"@x","kind":"a","many":[1,null],"either":{"x":1}}""")]
    [InlineData("""{"id":"@x","kind":"b","either":"text"}""")]
    public void lets_through_what_fits(string value) => Assert.Empty(Check(value));

    [Theory]
    [InlineData("[]", "$: Array is not")]
    [InlineData("""{"kind":"a"}""", "'id' is missing")]
    [InlineData("""{"id":"x","kind":"a"}""", "$.id: 'x' does not match")]
    [InlineData("""{"id":"@x","kind":"c"}""", "$.kind:")]
    [InlineData("""{"id":"@x","kind":"a","many":[]}""", "minItems 1")]
    [InlineData("""{"id":"@x","kind":"a","many":[1.5]}""", "$.many[0]: Number is not")]
    [InlineData("""{"id":"@x","kind":"a","either":{}}""", "$.either:")]
    [InlineData("""{"id":"@x","kind":"a","more":1}""", "'more' is not allowed")]
    public void finds_what_does_not(string value, string problem) =>
        Assert.Contains(Check(value), one => one.Contains(problem, StringComparison.Ordinal));

    private static IReadOnlyList<string> Check(string value) =>
        JsonSchema.FindProblems(JsonElement.Parse(Schema), JsonElement.Parse(value));
}

using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using Matrix.EventSourced.Api.Control;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.EventSourced.Api.Tests.Control;

/// <summary>How a command's answer goes over the control socket.</summary>
public sealed class Lines_of_an_answer
{
    /// <summary>Lines had waited in a buffer of 16 KiB, so that the progress of a long command came when it was
    /// over.</summary>
    [Fact]
    public async Task bug_0001_line_is_sent_while_the_next_one_is_still_being_made()
    {
        var pipe = new Pipe();
        var http = new DefaultHttpContext();
        http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(pipe.Writer.AsStream()));
        var lines = Channel.CreateUnbounded<ReadOnlyMemory<byte>>();
        lines.Writer.TryWrite("first"u8.ToArray());
        var writing = ControlLines.WriteAsync(http, lines.Reader.ReadAllAsync(), CancellationToken.None);

        Assert.True(pipe.Reader.TryRead(out var sent), "Nothing was sent.");
        Assert.Equal("first\n", Encoding.UTF8.GetString(sent.Buffer));

        pipe.Reader.AdvanceTo(sent.Buffer.End);
        lines.Writer.TryWrite("second"u8.ToArray());
        lines.Writer.Complete();
        await writing;
        Assert.True(pipe.Reader.TryRead(out var rest));
        Assert.Equal("second\n\n", Encoding.UTF8.GetString(rest.Buffer));
    }

    [Fact]
    public async Task answer_that_breaks_off_is_never_taken_for_a_whole_one()
    {
        var lines = new List<string>();
        using var content = new StringContent("one\ntwo\n");

        await Assert.ThrowsAsync<IOException>(async () =>
        {
            await foreach (var line in ControlLines.ReadAsync(content))
                lines.Add(line);
        });
        Assert.Equal(["one", "two"], lines);
    }
}

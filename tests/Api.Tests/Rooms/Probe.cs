using Matrix.EventSourced.Kit.Hosting;
using Microsoft.Extensions.Logging;
namespace Matrix.EventSourced.Api.Tests.Rooms;
public sealed class Probe(Xunit.Abstractions.ITestOutputHelper o) {
    [Fact] public async Task probe() {
        await using var s = await TestHomeserver.StartAsync(new() { Logging = new F(o) });
        var a = await s.RegisterAsync("alice");
        o.WriteLine((await a.PostAsync("createRoom")).Text);
    }
    sealed class F(Xunit.Abstractions.ITestOutputHelper o) : ILoggerFactory { public ILogger CreateLogger(string n) => new L(o); public void AddProvider(ILoggerProvider p) {} public void Dispose() {} }
    sealed class L(Xunit.Abstractions.ITestOutputHelper o) : ILogger { public IDisposable? BeginScope<T>(T s) where T : notnull => null; public bool IsEnabled(LogLevel l) => l >= LogLevel.Warning; public void Log<T>(LogLevel l, Microsoft.Extensions.Logging.EventId e, T s, Exception? x, Func<T, Exception?, string> f) { if (IsEnabled(l)) o.WriteLine(f(s, x) + x); } }
}

using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Matrix.EventSourced.Api.Logging;

/// <summary>Writes one line per log entry: text for people, or JSON for machines.</summary>
/// <remarks>
/// Text: <c>2026-01-02T03:04:05.678Z warn Roomserver.RoomWorker: message</c>, an exception indented below it.
/// JSON: time, level, category, message, and the template's named fields as members of their own.
/// Whole lines are written under one lock; only warnings and what happens rarely are logged, so the lock is no
/// bottleneck.
/// </remarks>
public sealed class LineLoggerProvider(TextWriter output, bool isJson, TimeProvider time) : ILoggerProvider
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, LineLogger> _loggers = new(StringComparer.Ordinal);

    public ILogger CreateLogger(string categoryName) =>
        _loggers.GetOrAdd(categoryName, static (name, provider) => new LineLogger(name, provider), this);

    public void Dispose() => output.Flush();

    private void Write(LogLevel level, string category, string message, object? state, Exception? exception)
    {
        var now = time.GetUtcNow();
        var line = isJson
            ? JsonLine(now, level, category, message, state, exception)
            : TextLine(now, level, category, message, exception);
        lock (_lock)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static string TextLine(
        DateTimeOffset now, LogLevel level, string category, string message, Exception? exception)
    {
        var line = new StringBuilder()
            .Append(now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null)).Append(' ')
            .Append(ShortLevel(level)).Append(' ')
            .Append(ShortCategory(category)).Append(": ")
            .Append(message);
        if (exception is not null)
            line.Append("\n    ").Append(exception.ToString().ReplaceLineEndings("\n    "));
        return line.ToString();
    }

    private static string JsonLine(
        DateTimeOffset now, LogLevel level, string category, string message, object? state, Exception? exception)
    {
        using var buffer = new MemoryStream();
        var relaxed = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(buffer, relaxed))
        {
            writer.WriteStartObject();
            writer.WriteString("time", now.UtcDateTime);
            writer.WriteString("level", ShortLevel(level).TrimEnd());
            writer.WriteString("category", category);
            writer.WriteString("message", message);
            if (state is IReadOnlyList<KeyValuePair<string, object?>> fields)
            {
                foreach (var (name, value) in fields)
                {
                    if (name != "{OriginalFormat}")
                        writer.WriteString(name, Convert.ToString(value, null));
                }
            }
            if (exception is not null)
                writer.WriteString("exception", exception.ToString());
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string ShortLevel(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info ",
        LogLevel.Warning => "warn ",
        _ => "error",
    };

    private static string ShortCategory(string category) =>
        category.StartsWith("Matrix.EventSourced.", StringComparison.Ordinal)
            ? category["Matrix.EventSourced.".Length..] : category;

    private sealed class LineLogger(string category, LineLoggerProvider provider) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel,
            Microsoft.Extensions.Logging.EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            provider.Write(logLevel, category, formatter(state, exception), state, exception);
    }
}

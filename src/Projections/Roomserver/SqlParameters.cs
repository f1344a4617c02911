using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Adds positional parameters with their types said, so that Npgsql and PostgreSQL infer nothing.</summary>
/// <remarks>U+0000, which PostgreSQL cannot keep in text, becomes U+FFFD: PDUs of other servers may hold it, and a fact
/// that no table can hold would stop a projection.</remarks>
internal static class SqlParameters
{
    public static NpgsqlParameterCollection Add(this NpgsqlBatch batch, string sql)
    {
        var command = batch.CreateBatchCommand();
        command.CommandText = sql;
        batch.BatchCommands.Add(command);
        return command.Parameters;
    }

    public static void AddText(this NpgsqlParameterCollection parameters, string? value) =>
        parameters.Add(new() { Value = (object?)Storable(value) ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });

    public static void AddBigInt(this NpgsqlParameterCollection parameters, long value) =>
        parameters.Add(new NpgsqlParameter<long> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint });

    public static void AddInt(this NpgsqlParameterCollection parameters, int value) =>
        parameters.Add(new NpgsqlParameter<int> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Integer });

    public static void AddBoolean(this NpgsqlParameterCollection parameters, bool value) =>
        parameters.Add(new NpgsqlParameter<bool> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Boolean });

    public static void AddNullableBoolean(this NpgsqlParameterCollection parameters, bool? value) =>
        parameters.Add(new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Boolean });

    public static void AddTexts(this NpgsqlParameterCollection parameters, string?[]? values) =>
        AddArray(parameters, Storable(values), NpgsqlDbType.Text);

    public static void AddBigInts(this NpgsqlParameterCollection parameters, long[] values) =>
        AddArray(parameters, values, NpgsqlDbType.Bigint);

    public static void AddNullableBigInts(this NpgsqlParameterCollection parameters, long?[] values) =>
        AddArray(parameters, values, NpgsqlDbType.Bigint);

    public static void AddSmallInts(this NpgsqlParameterCollection parameters, short?[] values) =>
        AddArray(parameters, values, NpgsqlDbType.Smallint);

    public static void AddBooleans(this NpgsqlParameterCollection parameters, bool[] values) =>
        AddArray(parameters, values, NpgsqlDbType.Boolean);

    public static void AddBytes(this NpgsqlParameterCollection parameters, byte[]?[] values) =>
        AddArray(parameters, values, NpgsqlDbType.Bytea);

    private static string? Storable(string? value) =>
        value is not null && value.Contains('\0', StringComparison.Ordinal)
            ? value.Replace('\0', '\uFFFD')
            : value;

    private static string?[]? Storable(string?[]? values)
    {
        if (values is null || !Array.Exists(values, value => value?.Contains('\0', StringComparison.Ordinal) == true))
            return values;
        return Array.ConvertAll(values, Storable);
    }

    private static void AddArray(NpgsqlParameterCollection parameters, Array? values, NpgsqlDbType element) =>
        parameters.Add(new() { Value = (object?)values ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | element });
}

using Npgsql;
using NpgsqlTypes;

namespace Matrix.EventSourced.Projections.Roomserver;

/// <summary>Adds positional parameters with their types said, so that Npgsql and PostgreSQL infer nothing.</summary>
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
        parameters.Add(new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });

    public static void AddBigInt(this NpgsqlParameterCollection parameters, long value) =>
        parameters.Add(new NpgsqlParameter<long> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint });

    public static void AddInt(this NpgsqlParameterCollection parameters, int value) =>
        parameters.Add(new NpgsqlParameter<int> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Integer });

    public static void AddBoolean(this NpgsqlParameterCollection parameters, bool value) =>
        parameters.Add(new NpgsqlParameter<bool> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Boolean });

    public static void AddNullableBoolean(this NpgsqlParameterCollection parameters, bool? value) =>
        parameters.Add(new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Boolean });

    public static void AddTexts(this NpgsqlParameterCollection parameters, string?[]? values) =>
        AddArray(parameters, values, NpgsqlDbType.Text);

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

    private static void AddArray(NpgsqlParameterCollection parameters, Array? values, NpgsqlDbType element) =>
        parameters.Add(new() { Value = (object?)values ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | element });
}

using System.Globalization;
using Matrix.EventSourced.Projections.Tests.Postgres;

// The process that the cluster's test kills: a server that started a cluster, wrote something and says who runs it.
var cluster = await Private_cluster.StartAsync(args[0]);
await Private_cluster.ExecuteAsync(cluster, "SET synchronous_commit = on; CREATE TABLE survives AS SELECT 3 AS n");
await Console.Out.WriteLineAsync(cluster.ProcessId.ToString(CultureInfo.InvariantCulture));

// Bounded, should nobody kill it.
await Task.Delay(TimeSpan.FromMinutes(2));

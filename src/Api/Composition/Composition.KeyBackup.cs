using Matrix.EventSourced.Api.ClientApi.KeyBackup;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.KeyServer.KeyBackup;
using Matrix.EventSourced.Projections.Hosting;
using Matrix.EventSourced.Projections.KeyServer.KeyBackup;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>Encrypted copies of users' keys.</summary>
    internal static void AddKeyBackup(IServiceCollection services)
    {
        services.AddSingleton<IKeyBackupLookup, KeyBackupLookup>();
        services.AddKeyBackupCommands();
        services.AddSingleton<IProjection, KeyBackupProjection>();
        services.AddSingleton<KeyBackupQueries>();
    }

    internal static void MapKeyBackup(EndpointTable table)
    {
        BackupVersions.Map(table);
        BackupKeys.Map(table);
    }
}

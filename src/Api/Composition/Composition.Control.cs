using Matrix.EventSourced.Api.Adapters;
using Matrix.EventSourced.Api.Control;
using Matrix.EventSourced.Api.Http;
using Matrix.EventSourced.Commands.Audit;
using Matrix.EventSourced.EventStore;
using Matrix.EventSourced.Projections.Audit;

namespace Matrix.EventSourced.Api;

public static partial class Composition
{
    /// <summary>All endpoints of the control socket: the program's own commands, for whoever may use the data
    /// folder.</summary>
    public static EndpointTable ControlEndpoints()
    {
        var table = new EndpointTable();
        AuditControl.Map(table);
        RebuildControl.Map(table);
        BackupControl.Map(table);
        DestinationsControl.Map(table);
        MediaControl.Map(table);
        AppservicesControl.Map(table);
        return table;
    }

    internal static void AddControl(IServiceCollection services)
    {
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<IAuditedKeys, AuditedKeys>();
        services.AddSingleton<IAuditedBlobs, AuditedBlobs>();
        services.AddSingleton<MediaControl>();
        services.AddSingleton<AuditReader>();
        services.AddSingleton<AuditVerifier>();
        services.AddSingleton<Auditor>();
        services.AddSingleton<Backup>();
    }
}

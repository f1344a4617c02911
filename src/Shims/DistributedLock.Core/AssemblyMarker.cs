namespace Medallion.Threading;

/// <summary>Keeps the stand-in assembly from being empty; see the README beside it.</summary>
public static class AssemblyMarker;

using System.Runtime.CompilerServices;
using System.Text;

namespace Matrix.EventSourced.Facts.Tests;

/// <summary>The golden files beside the sources. A missing one is written, and its test fails once, so that somebody
/// looks at it.</summary>
internal static class GoldenFolder
{
    public static void Verify(string name, byte[] actual)
    {
        var path = PathOf(name);
        if (!File.Exists(path))
        {
            File.WriteAllBytes(path, actual);
            Assert.Fail($"{path} was missing and has been written: look at it and keep it.");
        }
        Assert.Equal(Encoding.UTF8.GetString(File.ReadAllBytes(path)), Encoding.UTF8.GetString(actual));
    }

    public static byte[] Read(string name) => File.ReadAllBytes(PathOf(name));

    public static IEnumerable<string> Names() =>
        Directory.GetFiles(Folder(), "*.json").Select(path => Path.GetFileNameWithoutExtension(path)!);

    private static string PathOf(string name) => Path.Combine(Folder(), $"{name}.json");

    private static string Folder([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "Golden");
}

using System.Text;
using BenchmarkDotNet.Attributes;
using Matrix.EventSourced.Protocol.Json;

namespace Matrix.EventSourced.Benchmarks.Micro;

/// <summary>Canonicalise an object whose members are in the wrong order and whose strings hold escapes.</summary>
public class CanonicalJsonBenchmarks
{
    private byte[] _json = [];

    [Params(1, 64)]
    public int KibiBytes { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        var members = new List<string>();
        for (var number = 0; members.Sum(member => member.Length + 1) < KibiBytes * 1024 - 64; number++)
            members.Add($$"""   "key{{9999 - number}}": {"b":[1,true,null],"a":"text \u00e9\n{{number}}"}""");
        _json = Encoding.UTF8.GetBytes("{" + string.Join(',', members) + "}");
    }

    [Benchmark]
    public byte[] Canonicalise() => CanonicalJson.Canonicalise(_json);

    [Benchmark]
    public string? FindViolation() => CanonicalJson.FindViolation(_json);
}

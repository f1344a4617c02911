using Matrix.EventSourced.Api.CommandLine;

return await Cli.RunAsync(args);

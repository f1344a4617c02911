using Matrix.EventSourced.EventStore.Tests.Embedded;

// The runner of the tests loads the assembly and never comes here; a test that needs a process to kill starts it with
// these words.
if (args is not [AppendBurst.Command, var folder])
    return 2;
await AppendBurst.RunAsync(folder);
return 0;

global using EventId = Matrix.EventSourced.Protocol.Identifiers.EventId;

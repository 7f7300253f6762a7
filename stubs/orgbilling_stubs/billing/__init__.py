"""The engine: events, commands, the fold and its refusals; standard library only."""

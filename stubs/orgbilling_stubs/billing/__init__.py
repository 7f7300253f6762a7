"""The pure domain: commands, decisions, events, and the state they add up to; standard library only."""

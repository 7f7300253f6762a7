"""How much of the contract the client under test has met."""

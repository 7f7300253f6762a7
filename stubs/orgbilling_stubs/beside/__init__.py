"""The stub beside the real API: what it forwards, what it compares, and what it notices on the way."""

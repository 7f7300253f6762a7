"""The stand-in: engine, HTTP, authentication and command line."""

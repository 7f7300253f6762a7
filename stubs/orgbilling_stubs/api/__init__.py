"""The thirteen operations: their handlers, their JSON, and the HTTP status of each error of the domain."""

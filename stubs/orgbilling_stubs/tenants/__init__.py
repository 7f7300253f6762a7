"""Tenants: the one writer, the event store, personas made into tenants, time travel, and bundles."""

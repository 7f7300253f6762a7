"""From the `--db` address to a store."""

from __future__ import annotations

from pathlib import Path

from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.protocol import Store


def open_store(address: str | None) -> Store:
    """The store at an address: None or `memory:` for memory, `sqlite:///FILE` for a file.

    Raises StoreError for any other address, or when the file cannot be used.
    """
    path = sqlite_path(address)
    if path is None:
        return MemoryStore()
    from orgbilling_stubs.tenants.store.sqlite import SqliteStore

    return SqliteStore(path)


def sqlite_path(address: str | None) -> Path | None:
    """The file that an address names; None for memory. Raises StoreError for any other address."""
    if address is None or address in ("memory", "memory:"):
        return None
    scheme, separator, rest = address.partition("://")
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    raise StoreError(f"unknown database address {address!r}: use memory: or sqlite:///FILE")

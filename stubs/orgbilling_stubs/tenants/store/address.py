"""From the `--db` address to a store."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.protocol import Store

SCHEMES = ("postgresql", "postgres")


def _open_sqlite(path: Path) -> Store:
    from orgbilling_stubs.tenants.store.sqlite import SqliteStore  # late: only who uses a driver pays for it

    return SqliteStore(path)


FILE_STORES: dict[str, Callable[[Path], Store]] = {"sqlite": _open_sqlite}
"""What opens the store in a file, by the scheme of its address: `sqlite:///FILE`."""
SHARED_ADDRESSES = " or ".join(
    [*(f"{scheme}:///FILE" for scheme in FILE_STORES), "postgresql://HOST/DATABASE"]
)
"""The addresses of stores that several processes share, as users read them."""


def open_store(address: str | None) -> Store:
    """The store at an address.

    None or `memory:` is memory, `sqlite:///FILE` a file, `postgresql://…` a database, with the parameters of
    libpq. Raises StoreError for any other address, or when file or database cannot be used.
    """
    if is_postgres(address):
        assert address is not None
        try:
            from orgbilling_stubs.tenants.store.postgres import PostgresStore
        except ImportError as error:
            raise StoreError(
                f"PostgreSQL needs the extra `postgres` ({error}): pip install 'orgbilling[postgres]'"
            ) from error
        return PostgresStore(address)
    path = file_of(address)
    if address is None or path is None:
        return MemoryStore()
    return FILE_STORES[address.partition("://")[0]](path)


def is_memory(address: str | None) -> bool:
    """Whether an address keeps everything in the memory of one process."""
    return address is None or address in ("memory", "memory:")


def is_postgres(address: str | None) -> bool:
    """Whether an address is that of a PostgreSQL database."""
    return address is not None and address.partition("://")[0] in SCHEMES


def file_of(address: str | None) -> Path | None:
    """The file that an address names; None where there is no file. Raises StoreError for an unknown one."""
    if is_memory(address) or is_postgres(address):
        return None
    assert address is not None
    scheme, separator, rest = address.partition("://")
    if separator and scheme in FILE_STORES and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    raise StoreError(
        f"unknown database address {shown_address(address)!r}: use memory: or {SHARED_ADDRESSES}"
    )


def shown_address(address: str) -> str:
    """An address without the password, to be shown."""
    scheme, separator, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    name, colon, _ = user.partition(":")
    shown = f"{scheme}{separator}{name}{':***' if colon else ''}{at}{host}{slash}{path}"
    return re.sub(r"(?i)(password=)[^&]*", r"\1***", shown)

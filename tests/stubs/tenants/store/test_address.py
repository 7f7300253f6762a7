from pathlib import Path

import pytest
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.sqlite import SqliteStore


def test_addresses(tmp_path: Path) -> None:
    assert isinstance(open_store(None), MemoryStore)
    assert isinstance(open_store("memory:"), MemoryStore)
    assert isinstance(open_store(f"sqlite:///{tmp_path}/a.db"), SqliteStore)


@pytest.mark.parametrize("address", ["", "sqlite:", "sqlite:///", "mysql://x/y", "a.db"])
def test_an_unknown_address_is_named(address: str) -> None:
    with pytest.raises(StoreError, match="address"):
        open_store(address)

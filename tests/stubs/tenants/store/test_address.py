from pathlib import Path

import pytest
from orgbilling_stubs.tenants.store import address
from orgbilling_stubs.tenants.store.address import open_store
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.memory import MemoryStore
from orgbilling_stubs.tenants.store.sqlite import SqliteStore


def test_addresses(tmp_path: Path) -> None:
    assert isinstance(open_store(None), MemoryStore)
    assert isinstance(open_store("memory:"), MemoryStore)
    assert isinstance(open_store(f"sqlite:///{tmp_path}/a.db"), SqliteStore)


def test_the_store_of_another_scheme_is_opened_with_the_file_of_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[Path] = []

    def opener(path: Path) -> MemoryStore:
        opened.append(path)
        return MemoryStore()

    monkeypatch.setitem(address.FILE_STORES, "jsonl", opener)
    open_store("jsonl:////tmp/log.jsonl")
    assert opened == [address.file_of("jsonl:////tmp/log.jsonl")] == [Path("/tmp/log.jsonl")]


@pytest.mark.parametrize("unknown", ["", "sqlite:", "sqlite:///", "mysql://x/y", "a.db"])
def test_an_unknown_address_is_named(unknown: str) -> None:
    with pytest.raises(StoreError, match="address"):
        open_store(unknown)

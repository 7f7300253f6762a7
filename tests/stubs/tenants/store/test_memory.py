import pytest
from orgbilling_stubs.billing.events import PortalOpened, Record
from orgbilling_stubs.tenants.store.errors import ConflictError
from orgbilling_stubs.tenants.store.memory import MemoryStore


def test_a_gap_is_a_conflict() -> None:
    with pytest.raises(ConflictError):
        MemoryStore().append("org_a", [Record(2, 1, PortalOpened("b"), 2)])

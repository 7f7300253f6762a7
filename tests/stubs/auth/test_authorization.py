import pytest
from orgbilling_stubs.auth import keys
from orgbilling_stubs.auth.authorization import Admission
from orgbilling_stubs.auth.errors import Forbidden, Unauthorized
from orgbilling_stubs.auth.mint import Session, mint
from orgbilling_stubs.auth.verify import Authenticator
from orgbilling_stubs.tenants.clock import wall_ms


def headers(role: str) -> list[tuple[bytes, bytes]]:
    token = mint(keys.load(), Session("org_a", role), wall_ms())
    return [(b"authorization", f"Bearer {token}".encode())]


def test_members_read_and_admins_write() -> None:
    admit = Admission(Authenticator("trust", keys.load()), wall_ms)
    for method in ("GET", "HEAD"):
        assert admit(headers("member"), method).organization == "org_a"
    assert admit(headers("admin"), "POST").is_admin
    assert admit(headers("billing_admin"), "POST").is_admin
    with pytest.raises(Forbidden, match="member"):
        admit(headers("member"), "POST")
    with pytest.raises(Unauthorized, match="missing-token"):
        admit([], "GET")


def test_tokens_live_in_real_time() -> None:
    admit = Admission(Authenticator("trust", keys.load()), lambda: wall_ms() + 2 * 3_600_000)
    with pytest.raises(Unauthorized, match="expired"):
        admit(headers("admin"), "GET")

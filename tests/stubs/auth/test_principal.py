from __future__ import annotations

import pytest
from orgbilling_stubs.auth.principal import Principal, bare_role, is_organization


@pytest.mark.parametrize(
    ("role", "admin"),
    [("admin", True), ("super_admin", True), ("member", False), ("", False), ("admin_reader", False)],
)
def test_an_admin_is_a_role_that_ends_in_admin(role: str, admin: bool) -> None:
    assert Principal("org_a", role, "user_a", None, 0).is_admin is admin


@pytest.mark.parametrize("text", ["org_a", "org_low_balance_test-1", "0", "a" * 128, "acme.example"])
def test_an_organization_id(text: str) -> None:
    assert is_organization(text)


@pytest.mark.parametrize(
    "text", ["", "a" * 129, "org a", "org_\n", "org_a\n", "../up", "org/a", "_a", "örg", "a\x00"]
)
def test_not_an_organization_id(text: str) -> None:
    assert not is_organization(text)


def test_both_claim_versions_write_one_role() -> None:
    assert bare_role("org:admin") == bare_role("admin") == "admin"

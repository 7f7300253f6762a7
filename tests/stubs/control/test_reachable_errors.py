"""Every error that the control API documents is the answer to some request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from orgbilling_stubs.control import errors as control_errors
from orgbilling_stubs.faults import active_rules
from orgbilling_stubs.faults import errors as fault_errors
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.journal import handlers as journal

ORG = "/organizations/org_a"
REQUESTS: Mapping[str, tuple[str, str, Any]] = {
    "control_token_missing": ("GET", ORG, None),
    "control_token_wrong": ("GET", ORG, {"X-Control-Token": "oct_wrong"}),
    "media_refused": ("POST", "/organizations", "text"),
    "organization_invalid": ("GET", "/_mock/?org=a%2Fb", None),
    "organization_unknown": ("GET", "/organizations/org_nobody", None),
    "organization_exists": ("POST", "/organizations", {"organization": "org_a"}),
    "persona_invalid": ("POST", "/organizations", {"organization": "org_b", "persona": "nobody"}),
    "scenario_unknown": ("PUT", f"{ORG}/scenario", {"scenario": "zebra"}),
    "instant_invalid": ("POST", f"{ORG}/clock/jump", {"to": "2026-02-30T00:00:00Z"}),
    "duration_invalid": ("POST", f"{ORG}/clock/advance", {"by": "soon"}),
    "clock_too_far": ("POST", f"{ORG}/clock/advance", {"by": "P9Y"}),
    "checkout_none": ("POST", f"{ORG}/checkouts/latest/complete", {"outcome": "paid"}),
    "url_invalid": ("PUT", f"{ORG}/checkout-settings", {"successUrl": "http://["}),
    "bundle_invalid": ("POST", "/bundle", "bundle"),
    "operation_unknown": ("POST", "/faults", {"operations": ["getNothing"], "effect": {"status": 503}}),
    "method_unused": (
        "POST",
        "/faults",
        {"operations": ["getOrgBilling"], "methods": ["POST"], "effect": {"status": 503}},
    ),
    "status_unlisted": ("POST", "/faults", {"effect": {"status": 418}}),
    "effect_empty": ("POST", "/faults", {"effect": {"late": True}}),
    "effects_conflict": ("POST", "/faults", {"effect": {"reset": True, "hangMs": 5}}),
    "limit_invalid": ("POST", "/faults", {"probability": 0, "effect": {"reset": True}}),
    "effect_invalid": ("POST", "/faults", {"effect": {"detail": "alone"}}),
    "rule_exists": ("POST", "/faults", {"id": "known", "effect": {"reset": True}}),
    "rule_unknown": ("GET", "/faults/nobody", None),
    "rules_full": ("POST", "/faults", {"effect": {"nulls": True}}),
    "exchange_unknown": ("GET", f"/journal/{'0' * 32}", None),
    "exchange_incomplete": ("POST", "/journal/{trace}/replay", None),
    "wait_expired": ("GET", "/journal/wait?timeout=0", None),
}
"""A request for each error: method, path, and body, headers or nothing.

`{trace}` is that of a request whose body the journal has cut.
"""

TABLES = (*control_errors.TABLE, *fault_errors.STANDING, *journal.TABLE)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("row", TABLES, ids=lambda row: row.code)
def test_every_documented_error_is_the_answer_to_a_request(
    row: ProblemType, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[str] = []
    begin = Problem.__init__

    def noting(self: Problem, problem_type: ProblemType, *arguments: Any, **named: Any) -> None:
        raised.append(problem_type.code)
        begin(self, problem_type, *arguments, **named)

    beyond_loopback = row.code.startswith("control_token")
    stub = serve(host="0.0.0.0", auth="verify") if beyond_loopback else serve()
    if not beyond_loopback:
        stub("POST", "/_mock/v1/organizations", None, json={"organization": "org_a", "persona": "overdrawn"})
        stub("POST", "/_mock/v1/faults", None, json={"id": "known", "effect": {"nulls": True}})
    if row.code == "rules_full":
        monkeypatch.setattr(active_rules, "MOST_RULES", 1)
    monkeypatch.setattr(Problem, "__init__", noting)
    method, path, sent = REQUESTS[row.code]
    if "{trace}" in path:
        cut = stub("POST", "/org/vouchers/redeem", "org_a", json={"code": "x" * 5_000})
        path = path.format(trace=cut.headers["x-trace-id"])
    options: dict[str, Any] = {} if sent is None else {"json": sent}
    if beyond_loopback:
        options = {"headers": sent or {}}
    elif isinstance(sent, str):
        media_type = "application/x-ndjson" if sent == "bundle" else "text/plain"
        options = {"content": "{}\n", "headers": {"Content-Type": media_type}}
    answer = stub(method, path if path.startswith("/_mock") else f"/_mock/v1{path}", None, **options)
    assert (answer.status_code, raised[-1:]) == (row.status, [row.code]), answer.text
    assert answer.headers["content-type"] == "application/problem+json"

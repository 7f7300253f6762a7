"""One organization of a running stub: its token, scenario, clock, faults, checkouts and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orgbilling.control_api import ControlApi, path_segment

if TYPE_CHECKING:
    from orgbilling_openapi.strict_json import JsonObject

Instant = str | date | datetime
"""RFC 3339 text, a date (its first instant, UTC), or a datetime with a time zone."""
Duration = str | timedelta
"""ISO 8601 (`P1M`), words (`1 month`, `-2d`), or a timedelta."""


class Organization:
    """An organization. Methods raise ControlError for what the server refuses."""

    def __init__(self, client: ControlApi, organization_id: str) -> None:
        self._client = client
        self.id = organization_id
        self._path = f"/organizations/{path_segment(organization_id)}"

    def __repr__(self) -> str:
        return f"Organization({self.id!r})"

    def state(self) -> JsonObject:
        """Persona, scenario, clock and balance, as `GET /_mock/v1/organizations/{organization}` has them."""
        return self._call("GET")

    def token(self, role: str | None = None, ttl_seconds: int | None = None, bad: str | None = None) -> str:
        """A session token of a user of this organization.

        role: `admin` (the default) or `member`. bad: how it is to be refused, such as `expired`.
        """
        minted = self._call("POST", "/tokens", {"role": role, "ttlSeconds": ttl_seconds, "bad": bad})
        return str(minted["token"])

    def headers(self) -> dict[str, str]:
        """The request headers that authorize a request to the API."""
        return {"Authorization": f"Bearer {self.token()}"}

    def scenario(self, name: str) -> JsonObject:
        """Show a state of the dashboard: `low-balance`, in any spelling, or a number. The state after it."""
        return self._call("PUT", "/scenario", {"scenario": name})

    def freeze(self, at: Instant | None = None) -> JsonObject:
        """Stop the clock, at an instant or at the present one. The state after it."""
        at = self.state()["clock"]["now"] if at is None else at
        return self._call("PUT", "/clock", {"mode": "frozen", "at": _instant_text(at)})

    def advance(self, by: Duration) -> JsonObject:
        """Move the clock; usage, charges and installments happen on the way. The state after it."""
        return self._call("POST", "/clock/advance", {"by": _duration_text(by)})

    def jump(self, to: Instant) -> JsonObject:
        """Move the clock to an instant, or to `end-of-month`, `contract-end`, `next-installment`, …."""
        return self._call("POST", "/clock/jump", {"to": _instant_text(to)})

    def fault(
        self,
        *,
        operations: Sequence[str] | None = None,
        times: int | None = 1,
        rule: Mapping[str, object] | None = None,
        **effect: object,
    ) -> JsonObject:
        """Let the next request fail: `org.fault(status=503)`, `org.fault(hangMs=2000, operations=[…])`.

        effect: one effect with its value, named as in docs/faults.md. operations: ids of operations; None:
        all. times: how often; None: until the rule is removed. rule: further members of the rule, such as
        `every`. The rule, with its id.
        """
        body = {**(rule or {}), "operations": operations, "times": times, "effect": effect}
        return self._client.call("POST", "/faults", {**body, "organizations": [self.id]})

    def clear_faults(self) -> None:
        """Remove the fault rules that concern this organization alone."""
        self._client.call("DELETE", "/faults", query={"organization": self.id})

    def pay(self, url: str = "latest", card: str | None = None, webhook: int | None = 0) -> JsonObject:
        """Pay in a hosted checkout, as its page would. The session after it, with the new balance.

        url: the checkout's address or session id; `latest` is the newest. card: the number of one of Stripe's
        test cards, which says how it ends; None succeeds. webhook: seconds until Stripe's webhook arrives;
        None: it never does.
        """
        session = urlsplit(url).path.rstrip("/").rpartition("/")[2]
        body = {
            "outcome": "paid" if card is None else None,
            "card": card,
            "webhookSeconds": [] if webhook is None else [webhook],
        }
        return self._call("POST", f"/checkouts/{path_segment(session)}/complete", body)

    @contextmanager
    def snapshot(self, name: str = "snapshot") -> Iterator[None]:
        """Take a snapshot, and restore it when the `with` block ends, however it ends."""
        self._call("POST", "/snapshots", {"name": name})
        try:
            yield
        finally:
            self._call("POST", f"/snapshots/{path_segment(name)}/restore")

    def undo(self) -> JsonObject:
        """Take back the last command."""
        return self._call("POST", "/undo")

    def reset(self) -> JsonObject:
        """Begin the history of its persona anew, as of the present instant; its fault rules are dropped."""
        return self._call("POST", "/reset")

    def delete(self) -> None:
        """Remove the organization with its fault rules."""
        self._call("DELETE")

    def voucher(self, code: str, credit_usd: str | int) -> JsonObject:
        """Create a voucher that can be redeemed for an amount in USD, such as `"12.50"`."""
        return self._call("POST", "/vouchers", {"code": code, "creditUsd": credit_usd})

    def requests(self, **query: object) -> list[JsonObject]:
        """The requests of this organization that the journal has, newest first (`operation=`, `status=`)."""
        answer = self._client.call("GET", "/journal", query={"organization": self.id, **query})
        return list(answer["exchanges"])

    def wait_for_request(self, operation: str | None = None, timeout_seconds: int = 10) -> JsonObject:
        """The next request to an operation, or to any. Raises ControlError when none comes in time."""
        query = {"organization": self.id, "operation": operation, "timeout": timeout_seconds}
        return self._client.call("GET", "/journal/wait", query=query)

    def invariants(self) -> None:
        """Raise AssertionError, naming them, when equations of the ledger or of the usage do not hold."""
        report = self._call("GET", "/invariants")["organizations"][0]
        broken = [row for row in report["invariants"] if row["verdict"] == "broken"]
        lines = [f"{row['name']} ({row['equation']}): {row['detail']}" for row in broken]
        assert report["holds"], "\n".join(lines)

    def _call(self, method: str, path: str = "", body: Mapping[str, object] | None = None) -> JsonObject:
        return self._client.call(method, self._path + path, body)


def _instant_text(instant: Instant) -> str:
    """Raises ValueError for a datetime without a time zone."""
    if isinstance(instant, datetime) and instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant if isinstance(instant, str) else instant.isoformat()


def _duration_text(duration: Duration) -> str:
    """A timedelta of 90 seconds is `PT90.000S`, one of -2 days `-PT172800.000S`."""
    if isinstance(duration, str):
        return duration
    milliseconds = duration // timedelta(milliseconds=1)
    seconds, rest = divmod(abs(milliseconds), 1000)
    return f"{'-' if milliseconds < 0 else ''}PT{seconds}.{rest:03}S"

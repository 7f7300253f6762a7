"""A shop in front of one stub: opens sessions, and asks for pages as a browser without JavaScript would."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from orgbilling_stubs.api.serializers import payment_url, portal_url
from orgbilling_stubs.billing.commands import Command, OpenCheckout, OpenPortal
from orgbilling_stubs.tenants import clock_commands

CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 29", "cvc": "123", "name": "Ada Lovelace"}


class Elements(HTMLParser):
    """Every element with a test id: its attributes and its text; and whatever a script could come from."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.by_testid: dict[str, list[tuple[dict[str, str], list[str]]]] = {}
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._open: list[list[str] | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes |= named.keys()
        text: list[str] | None = None
        if "data-testid" in named:
            text = []
            self.by_testid.setdefault(named["data-testid"], []).append((named, text))
        if tag not in ("input", "meta", "link", "img", "br"):
            self._open.append(text)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for text in self._open:
            if text is not None:
                text.append(data)


class Screen:
    """One answer of the pages."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text
        html = response.headers.get("content-type", "").startswith("text/html")
        self.elements = Elements(response.text if html else "")

    def __contains__(self, testid: str) -> bool:
        return testid in self.elements.by_testid

    def __getitem__(self, testid: str) -> str:
        """The text of the first element with this test id."""
        return " ".join("".join(self.elements.by_testid[testid][0][1]).split())

    def all(self, testid: str) -> list[str]:
        return [" ".join("".join(text).split()) for _, text in self.elements.by_testid.get(testid, ())]

    def attribute(self, testid: str, name: str) -> str:
        return unescape(self.elements.by_testid[testid][0][0].get(name, ""))


class Shop:
    def __init__(self, dashboard: Any) -> None:
        self.dashboard = dashboard
        self.service = dashboard.app.service

    def execute(self, organization: str, command: Command) -> Any:
        return self.service.execute(organization, command)[0]

    def checkout(self, organization: str = "org_standard", cents: int = 2_500, currency: str = "USD") -> str:
        return payment_url(
            "", organization, self.execute(organization, OpenCheckout(cents, currency)).session_id
        )

    def contract(self, organization: str = "org_contract_pending") -> str:
        return payment_url("", organization, self.service.tenant(organization).contract.session_id)

    def portal(self, organization: str = "org_standard") -> str:
        return portal_url("", organization, self.execute(organization, OpenPortal()).session_id)

    def get(self, path: str, **headers: str) -> Screen:
        return self._ask("GET", path, headers)

    def post(self, path: str, **fields: str) -> Screen:
        return self._ask("POST", path, {}, data=fields or {"": ""})

    def pay(self, path: str, **changes: str) -> Screen:
        return self.post(path, **(CARD | changes))

    def complete(self, path: str, **body: Any) -> Any:
        return self.ask("POST", f"{path}/complete", json=body)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.dashboard(method, path, None, **options)

    def _ask(self, method: str, path: str, headers: dict[str, str], **options: Any) -> Screen:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Screen(self.ask(method, path, headers=named, **options))

    def balance(self, organization: str = "org_standard") -> int:
        return self.service.tenant(organization).ledger.balance_micros

    def later(self, organization: str, seconds: float) -> None:
        now_ms = self.service.tenant(organization).now_ms
        clock_commands.move_clock(self.service, organization, now_ms + int(seconds * 1_000))


@pytest.fixture
def open_shop(serve: Callable[..., Any]) -> Callable[..., Shop]:
    return lambda **settings: Shop(serve(**settings))


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop()


@pytest.fixture
def card() -> dict[str, str]:
    return dict(CARD)

"""The page of checkout settings shows and changes what the hosted pages do, and ends sessions."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import orjson
import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.checkout.cards import TEST_CARDS

ORG = "org_paying"
PATH = "/_mock/checkout-settings"
SETTINGS = f"/_mock/v1/organizations/{ORG}/checkout-settings"


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("POST", "/_mock/v1/organizations", None, json={"organization": ORG})
    return dashboard


@pytest.fixture
def opened(existing: Any) -> Any:
    existing("POST", "/org/billing/checkout", ORG, json={"amount": 2500})
    return existing


def page(dashboard: Any) -> str:
    answer = dashboard("GET", PATH, None, params={"org": ORG})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def submit(dashboard: Any, action: str, fields: dict[str, Any]) -> str:
    sent = {"path.organization": ORG, "back": f"{PATH}?org={ORG}", **fields}
    answer = dashboard("POST", f"/_mock/actions/{action}", None, data=sent)
    assert answer.status_code == 303, answer.text
    return str(dashboard("GET", answer.headers["location"], None).text)


def session(dashboard: Any) -> Any:
    return dashboard("GET", f"/_mock/v1/organizations/{ORG}/checkouts", None).json()["checkouts"][0]


def test_every_setting_has_a_field_with_its_meaning_and_its_value(existing: Any) -> None:
    chosen = {"successUrl": "http://localhost:3000/ok", "webhookSeconds": [30]}
    existing("PUT", SETTINGS, None, json=chosen)
    html = page(existing)
    schema = control_description.load()["components"]["schemas"]["CheckoutSettings"]["properties"]
    for name in ("successUrl", "cancelUrl", "returnUrl"):
        assert f'name="body.{name}" value="{chosen.get(name, "")}"' in html
        assert schema[name]["description"] in html
    assert 'name="body.webhookSeconds" value="[30]" checked' in html
    assert control_description.load()["components"]["schemas"]["CheckoutSettingsRequest"][
        "properties"
    ].keys() == {*("successUrl", "cancelUrl", "returnUrl", "webhookSeconds")}


def test_what_the_server_says_is_shown_where_the_organization_chose_nothing(serve: Any) -> None:
    stub = serve(webhook=(5, 9), success_url="http://localhost:5173/done")
    stub("POST", "/_mock/v1/organizations", None, json={"organization": ORG})
    assert stub("GET", SETTINGS, None).json()["server"] == {
        "successUrl": "http://localhost:5173/done",
        "cancelUrl": None,
        "returnUrl": None,
        "webhookSeconds": [5, 9],
    }
    html = page(stub)
    assert "as the server says: 5 s after the payment and 9 s after the payment" in html
    assert "The server says: http://localhost:5173/done." in html


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        (["[0,0]", ""], [0, 0]),
        (["[]", ""], []),
        (["", ""], None),
        (["", "10, 60"], [10, 60]),
        (["", "7"], [7]),
    ],
)
def test_the_form_saves_the_settings(existing: Any, fields: list[str], seconds: Any) -> None:
    urls = {"body.successUrl": "http://localhost:3000/ok", "body.cancelUrl": "", "body.returnUrl": ""}
    html = submit(existing, "setCheckoutSettings", {"body.webhookSeconds": fields, **urls})
    assert "The settings are saved" in html
    saved = existing("GET", SETTINGS, None).json()
    assert (saved["webhookSeconds"], saved["successUrl"]) == (seconds, "http://localhost:3000/ok")
    if seconds == [10, 60]:
        assert 'name="body.webhookSeconds" value="10, 60"' in html


def test_an_empty_form_gives_everything_back_to_the_server(existing: Any) -> None:
    existing("PUT", SETTINGS, None, json={"successUrl": "http://localhost:3000/ok", "webhookSeconds": [30]})
    names = ("webhookSeconds", "successUrl", "cancelUrl", "returnUrl")
    submit(existing, "setCheckoutSettings", {f"body.{name}": "" for name in names})
    saved = existing("GET", SETTINGS, None).json()
    assert [saved[name] for name in names] == [None] * 4


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("name", "value"), [("successUrl", "javascript:1"), ("cancelUrl", "http://["), ("webhookSeconds", "soon")]
)
def test_an_error_stands_beside_its_field_which_keeps_its_value(existing: Any, name: str, value: str) -> None:
    html = submit(existing, "setCheckoutSettings", {f"body.{name}": value})
    assert "That did not work" in html
    field = html[html.rindex(f'name="body.{name}"') :][:900]
    assert f'value="{value}"' in field
    assert 'aria-invalid="true"' in field
    assert '<span class="error" role="alert">' in field


@pytest.mark.slow
def test_a_session_shows_its_state_and_is_one_click_away(opened: Any) -> None:
    html = page(opened)
    assert f'<a class="link" data-item href="{session(opened)["url"]}">' in html
    assert "$25.00" in html
    assert ">open" in html
    submit(
        opened, "completeCheckout", {"path.session": "latest", "body": '{"outcome": "insufficient_funds"}'}
    )
    assert '<span class="chip bad">insufficient_funds</span>' in page(opened)


@pytest.mark.slow
def test_the_webhook_comes_now_late_twice_or_by_hand(opened: Any) -> None:
    target = {"path.session": session(opened)["session"]}
    assert "Pay</button>" in page(opened)
    html = submit(
        opened, "completeCheckout", {**target, "body.outcome": "paid", "body.webhookSeconds": "[30]"}
    )
    assert "not yet arrived" in html
    assert "Deliver the webhook now" in html
    html = submit(opened, "deliverWebhook", target)
    assert session(opened)["settled"]
    assert "Deliver the webhook again" in html
    balance = opened("GET", "/org/billing", ORG).json()["creditBalance"]
    assert "That did not work" not in submit(opened, "deliverWebhook", target)
    assert opened("GET", "/org/billing", ORG).json()["creditBalance"] == balance


@pytest.mark.slow
def test_every_way_to_fail_can_be_chosen(opened: Any) -> None:
    html = page(opened)
    bodies = [orjson.loads(unescape(body)) for body in re.findall(r'<option value="(\{[^"]*)"', html)]
    schema = control_description.load()["components"]["schemas"]["CheckoutOutcome"]["properties"]
    assert {body["outcome"] for body in bodies} == set(schema["outcome"]["enum"]) - {"paid"}
    codes = {body.get("declineCode") for body in bodies} - {None}
    assert codes == set(schema["declineCode"]["enum"])
    for body in bodies:
        fields = {"path.session": "latest", "body": orjson.dumps(body).decode()}
        if session(opened)["status"] != "open":
            opened("POST", "/org/billing/checkout", ORG, json={"amount": 2500})
        assert "That did not work" not in submit(opened, "completeCheckout", fields), body


def test_every_test_card_is_listed_and_opens_the_newest_session(opened: Any) -> None:
    html = page(opened)
    for card in TEST_CARDS:
        assert f'<a class="link" href="{session(opened)["url"]}?card={card.last4}">{card.grouped}</a>' in html


def test_the_page_follows_the_journal(existing: Any) -> None:
    assert 'id="checkout-sessions" data-live>' in page(existing)


def test_a_session_can_be_opened_from_the_page(existing: Any) -> None:
    assert "Open a session</button>" in page(existing)
    html = submit(existing, "openCheckout", {"body.amount": "4200"})
    assert (session(existing)["status"], session(existing)["amount"]) == ("open", 4200)
    assert "$42.00" in html

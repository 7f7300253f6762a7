"""The page of money: the statement in exact amounts, and a form with its curl for what moves it."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.http import templating

from tests.stubs.console.test_app import Forms

ORG = "org_console"
PATH = "/_mock/money"
MOCK = f"/_mock/v1/organizations/{ORG}"


def page(dashboard: Any, organization: str = ORG, **query: str) -> str:
    answer = dashboard("GET", PATH, None, params={"org": organization, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("GET", "/org/billing", ORG)
    return dashboard


def balance(dashboard: Any) -> float:
    return float(dashboard("GET", "/org/billing", ORG).json()["creditBalance"])


def test_the_equation_stands_in_exact_amounts(existing: Any) -> None:
    existing("POST", f"{MOCK}/adjustments", None, json={"amountUsd": "-0.000001"})
    credit = existing("GET", f"{MOCK}/statement", None, params={"days": 7}).json()["credit"]
    html = page(existing, days="7")
    for name in ("opening", "increase", "decrease", "closing"):
        whole, _, part = credit[name].partition(".")
        assert f"<dd>{int(whole):,}.{part}" in html
    assert "Credit by source" in html
    assert "Spending by service" in html


def test_a_postpaid_organization_shows_what_it_owes(dashboard: Any) -> None:
    dashboard("GET", "/org/billing", "org_postpaid_near_limit")
    html = page(dashboard, "org_postpaid_near_limit")
    assert "Charges by service" in html
    assert "Payments" in html


def test_the_period_is_in_the_address(existing: Any) -> None:
    assert page(existing, days="7").count("data-day=") == 8
    assert page(existing, days="365").count("data-day=") == 366
    assert page(existing, days="tomorrow").count("data-day=") == 31


def test_the_chart_is_drawn_from_a_table_that_is_there_without_scripts(existing: Any) -> None:
    html = page(existing)
    assert 'id="money-days"' in html
    assert '<polyline points="' in html
    for name in ("uplot.js", "uplot.css", "console_money.js"):
        assert templating.static_path(name) in html
    assert "Copyright (c) 2022 Leon Sorokin" in licenses()


def licenses() -> str:
    from importlib.resources import files

    return files("orgbilling_stubs.http").joinpath("static", "UPLOT-LICENSE.txt").read_text("utf-8")


def test_every_form_moves_money_as_it_stands(existing: Any) -> None:
    html = page(existing)
    forms = Forms(html[html.index('id="move"') : html.index("</main>")]).forms
    assert {action.rpartition("/")[2] for action, _ in forms} >= {
        "adjustBalance",
        "refundCredits",
        "createVoucher",
        "recordUsage",
        "recordMeter",
        "offerContract",
        "markInstallment",
        "cancelContract",
    }
    for action, fields in forms:
        location = existing("POST", action, None, data=fields).headers["location"]
        assert location.startswith(PATH)
        assert "That did not work" not in existing("GET", location, None).text, (action, fields)


def test_a_form_takes_an_exact_amount(existing: Any) -> None:
    before = balance(existing)
    fields = {"path.organization": ORG, "body.amountUsd": "-0.000001", "back": PATH}
    existing("POST", "/_mock/actions/adjustBalance", None, data=fields)
    assert round(before - balance(existing), 9) == 0.000001


def test_each_form_shows_its_curl(existing: Any) -> None:
    html = page(existing)
    assert f"{MOCK}/adjustments -H &#39;Content-Type: application/json&#39;" in html
    assert "&#34;amountUsd&#34;:&#34;25&#34;" in html or "&#34;amountUsd&#34;:25" in html
    assert f"curl -sS -X POST http://127.0.0.1:4010{MOCK}/contract/cancel" in html


@pytest.mark.slow
def test_an_open_checkout_is_decided_and_its_webhook_delivered(existing: Any) -> None:
    existing("PUT", f"{MOCK}/checkout-settings", None, json={"webhookSeconds": []})
    existing("POST", "/org/billing/checkout", ORG, json={"amount": 2500})
    for action in ("completeCheckout", "deliverWebhook"):
        [(path, fields)] = [form for form in Forms(page(existing)).forms if form[0].endswith(action)]
        existing("POST", path, None, data=fields | ({"body.outcome": "paid"} if "Checkout" in action else {}))
    assert "complete, settled" in page(existing)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    "organization", ["org_nulls", "org_hostile_texts", "org_extreme_numbers", "org_empty"]
)
def test_it_shows_every_kind_of_organization(dashboard: Any, organization: str) -> None:
    dashboard("GET", "/org/billing", organization)
    assert "Move money" in page(dashboard, organization)


def test_a_refused_form_keeps_its_values_and_says_what_is_wrong(existing: Any) -> None:
    [(action, fields), *_] = [
        form for form in Forms(page(existing)).forms if form[0].endswith("adjustBalance")
    ]
    refused = existing("POST", action, None, data=fields | {"body.amountUsd": "many"})
    html = existing("GET", refused.headers["location"], None).text
    assert 'name="body.amountUsd" value="many" aria-invalid="true"' in html
    assert html.count('aria-invalid="true"') == 1

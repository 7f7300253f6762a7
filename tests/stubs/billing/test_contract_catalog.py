from collections.abc import Callable

import pytest
from orgbilling_stubs.billing import contract_catalog, instants
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.tenant_config import ContractTerms

NOW_MS = instants.parse("2026-03-10T12:00:00Z")


def test_an_offer_starts_today_and_runs_its_term(make_terms: Callable[..., ContractTerms]) -> None:
    own = make_terms(status="draft")
    offer = contract_catalog.subscribable({own.contract_id: own}, own.contract_id.upper(), NOW_MS)
    assert offer.status == "pending_payment"
    assert offer.start_ms == instants.parse("2026-03-10")
    assert offer.end_ms == instants.parse("2027-03-10")


def test_test_contracts_are_offered_to_everybody() -> None:
    assert (
        contract_catalog.subscribable({}, "11111111-1111-4111-8111-111111111111", NOW_MS).frequency
        == "monthly"
    )


@pytest.mark.parametrize(
    ("contract_id", "name"),
    [
        ("99999999-9999-4999-8999-999999999999", "contract_unknown"),
        ("44444444-4444-4444-8444-444444444444", "contract_expired"),
        ("55555555-5555-4555-8555-555555555555", "contract_cancelled"),
    ],
)
def test_what_is_not_offered_is_named(contract_id: str, name: str) -> None:
    with pytest.raises(BillingError, match=name):
        contract_catalog.subscribable({}, contract_id, NOW_MS)


def test_a_new_contract_is_completed_from_what_was_chosen() -> None:
    terms = ContractTerms(
        **contract_catalog.complete_terms({"credit_micros": 7, "frequency": "annual"}, "id")
    )
    assert (terms.contract_id, terms.status, terms.credit_micros) == ("id", "draft", 7)
    assert terms.term_months == 12

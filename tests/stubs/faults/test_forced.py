from __future__ import annotations

import pytest
from orgbilling_openapi import contract as contracts
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.forced import Answers
from orgbilling_stubs.http.errors import Problem


@pytest.fixture(scope="module")
def answers():
    return Answers(contracts.load())


def test_a_refusal_speaks_in_the_words_of_the_contract(answers):
    made = answers.refusal("createOrgBillingCheckout", 502)
    assert (made.status, made.detail) == (
        502,
        "Stripe cannot be reached, or it answered with an error.",
    )
    assert not hasattr(made, "retry_after_s")


def test_an_example_lends_its_findings(answers):
    made = answers.refusal("getOrgLedger", 422)
    assert made.detail == "validation failed"
    assert made.errors[0]["location"] == "query.days"


def test_details_can_be_given(answers):
    made = answers.refusal("getOrgBilling", 429, "slow down", 7)
    assert (made.detail, made.retry_after_s) == ("slow down", 7)


def test_the_headers_of_a_status_come_with_it(answers):
    assert answers.refusal("getOrgBilling", 401).challenge == 'Bearer error="invalid_token"'
    assert answers.refusal("getOrgBilling", 403).challenge == 'Bearer error="insufficient_scope"'
    assert answers.refusal("getOrgBilling", 503).retry_after_s == 1
    assert answers.refusal("getOrgBilling", 405).headers == {"Allow": "GET, OPTIONS"}
    assert answers.refusal("getOrgBilling", 418).detail == "Error"


def test_examples_by_name(answers):
    example = answers.example("getOrgBilling", 200, "default")
    assert example["billingMode"] == "prepaid"
    assert "$schema" not in example
    with pytest.raises(Problem, match=errors.EXAMPLE_UNKNOWN.name) as caught:
        answers.example("getOrgBilling", 200, "other")
    assert caught.value.detail.endswith("there is: default")


def test_named_examples_are_known_by_their_names():
    content = {"application/json": {"examples": {"a": {"value": [1]}, "b": {"externalValue": "x"}}}}
    paths = {"/x": {"get": {"operationId": "getX", "responses": {"200": {"content": content}}}}}
    answers = Answers({"paths": paths})
    assert answers.example("getX", 200, "a") == [1]
    with pytest.raises(Problem, match=errors.EXAMPLE_UNKNOWN.name):
        answers.example("getX", 200, "b")

from __future__ import annotations

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.documented_responses import DocumentedResponses
from orgbilling_stubs.http.errors import Problem


@pytest.fixture(scope="module")
def responses():
    return DocumentedResponses(descriptions.load())


def test_a_refusal_speaks_in_the_words_of_the_contract(responses):
    error = responses.error("createOrgBillingCheckout", 502)
    assert (error.status, error.detail) == (
        502,
        "Stripe cannot be reached, or it answered with an error.",
    )
    assert error.retry_after_s is None


def test_an_example_lends_its_findings(responses):
    error = responses.error("getOrgLedger", 422)
    assert error.detail == "validation failed"
    assert error.errors[0]["location"] == "query.days"


def test_details_can_be_given(responses):
    error = responses.error("getOrgBilling", 429, "slow down", 7)
    assert (error.detail, error.retry_after_s) == ("slow down", 7)


def test_the_headers_of_a_status_come_with_it(responses):
    assert responses.error("getOrgBilling", 401).challenge == 'Bearer error="invalid_token"'
    assert responses.error("getOrgBilling", 403).challenge == 'Bearer error="insufficient_scope"'
    assert responses.error("getOrgBilling", 503).retry_after_s == 1
    assert responses.error("getOrgBilling", 405).headers == {"Allow": "GET, OPTIONS"}
    assert responses.error("getOrgBilling", 418).detail == "Error"


def test_examples_by_name(responses):
    example = responses.example("getOrgBilling", 200, "default")
    assert example["billingMode"] == "prepaid"
    assert "$schema" not in example
    with pytest.raises(Problem, match=errors.EXAMPLE_UNKNOWN.code) as caught:
        responses.example("getOrgBilling", 200, "other")
    assert caught.value.detail.endswith("there is: default")


def test_named_examples_are_known_by_their_names():
    content = {"application/json": {"examples": {"a": {"value": [1]}, "b": {"externalValue": "x"}}}}
    paths = {"/x": {"get": {"operationId": "getX", "responses": {"200": {"content": content}}}}}
    responses = DocumentedResponses({"paths": paths})
    assert responses.example("getX", 200, "a") == [1]
    with pytest.raises(Problem, match=errors.EXAMPLE_UNKNOWN.code):
        responses.example("getX", 200, "b")

from orgbilling_stubs.api import errors as api_errors
from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError


def test_every_error_of_the_domain_has_one_row() -> None:
    declared = [value for value in vars(errors).values() if isinstance(value, errors.ErrorCode)]
    rows = [row.error_code for row in api_errors.BILLING_ERRORS]
    assert len(rows) == len(set(rows))
    assert set(rows) == set(declared)
    assert all(400 <= row.status < 500 for row in api_errors.BILLING_ERRORS)


def test_a_problem_names_the_member_that_is_at_fault() -> None:
    problem = api_errors.problem(BillingError(errors.VOUCHER_EXPIRED, "OLD10"))
    assert (problem.code, problem.status) == ("voucher_expired", 410)
    assert problem.errors == [{"message": problem.detail, "location": "body.code", "value": "OLD10"}]
    assert api_errors.problem(BillingError(errors.CONTRACT_NONE)).errors == []

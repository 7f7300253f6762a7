from orgbilling_stubs.api import errors as api_errors
from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.errors import BillingError


def test_every_error_of_the_domain_has_one_row() -> None:
    declared = [value for value in vars(errors).values() if isinstance(value, errors.ErrorCode)]
    rows = [row.error_code for row in api_errors.BILLING_ERRORS]
    assert len(rows) == len(set(rows))
    assert set(rows) == set(declared)
    assert all(400 <= row.status < 500 for row in api_errors.BILLING_ERRORS)


def test_a_problem_of_the_control_api_names_the_member_that_is_at_fault() -> None:
    problem = api_errors.problem(BillingError(errors.MODEL_UNKNOWN, "gpt-0"))
    assert (problem.code, problem.status) == ("model_unknown", 404)
    assert problem.errors == [{"message": problem.detail, "location": "body.model", "value": "gpt-0"}]


def test_a_problem_of_the_thirteen_operations_says_all_in_its_detail() -> None:
    """The vendor's SDK loses `detail` where there are `errors` without `field`."""
    for code in (errors.VOUCHER_EXPIRED, errors.VOUCHER_USED, errors.CONTRACT_UNKNOWN, errors.CONTRACT_NONE):
        problem = api_errors.problem(BillingError(code, "OLD10"))
        assert (problem.detail, problem.errors) == (code.message, [])

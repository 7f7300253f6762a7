from http import HTTPStatus

from orgbilling_stubs.billing import errors


def test_every_refusal_has_its_row() -> None:
    declared = {value for value in vars(errors).values() if isinstance(value, errors.ErrorCode)}
    assert declared == set(errors.ERROR_CODES)
    assert len({kind.name for kind in errors.ERROR_CODES}) == len(errors.ERROR_CODES)
    assert all(400 <= kind.status < 500 for kind in errors.ERROR_CODES)


def test_a_refusal_carries_what_a_problem_needs() -> None:
    refusal = errors.BillingError(errors.VOUCHER_UNKNOWN, "body.code", "X")
    assert refusal.title == HTTPStatus.NOT_FOUND.phrase
    assert refusal.errors == [{"message": refusal.detail, "location": "body.code", "value": "X"}]
    assert errors.BillingError(errors.CONTRACT_NONE).errors == []

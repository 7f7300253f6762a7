from http import HTTPStatus

from orgbilling_stubs.domain import refusals


def test_every_refusal_has_its_row() -> None:
    declared = {value for value in vars(refusals).values() if isinstance(value, refusals.Kind)}
    assert declared == set(refusals.KINDS)
    assert len({kind.name for kind in refusals.KINDS}) == len(refusals.KINDS)
    assert all(400 <= kind.status < 500 for kind in refusals.KINDS)


def test_a_refusal_carries_what_a_problem_needs() -> None:
    refusal = refusals.Refusal(refusals.VOUCHER_UNKNOWN, "body.code", "X")
    assert refusal.title == HTTPStatus.NOT_FOUND.phrase
    assert refusal.errors == [{"message": refusal.detail, "location": "body.code", "value": "X"}]
    assert refusals.Refusal(refusals.CONTRACT_NONE).errors == []

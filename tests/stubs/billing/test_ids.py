import re
import uuid

from orgbilling_stubs.billing import ids


def test_the_shapes_are_those_of_the_field() -> None:
    assert uuid.UUID(ids.uuid(1, "org_a", "entry", 0)).version == 8
    assert re.fullmatch(r"cs_test_[0-9A-Za-z]{58}", ids.checkout_session(1))
    assert re.fullmatch(r"bps_[0-9A-Za-z]{24}", ids.portal_session(1))
    assert re.fullmatch(r"cus_[0-9A-Za-z]{14}", ids.customer(1))
    assert re.fullmatch(r"sub_[0-9A-Za-z]{24}", ids.subscription(1))
    assert re.fullmatch(r"price_[0-9A-Za-z]{24}", ids.price(1))


def test_an_id_names_what_it_was_made_from() -> None:
    assert ids.uuid(1, "a", "b") == ids.uuid(1, "a", "b")
    assert len({ids.uuid(1, "a", number) for number in range(1_000)}) == 1_000
    assert ids.uuid("a", "bc") != ids.uuid("ab", "c")


def test_ids_are_the_same_on_every_machine() -> None:
    assert ids.uuid(1, "org_a", "entry", 0) == UUID_OF_FIRST_ENTRY


UUID_OF_FIRST_ENTRY = "27729576-6b8e-8001-b149-575b111de4e2"

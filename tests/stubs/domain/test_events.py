import json
from typing import Any

import pytest
from orgbilling_stubs.domain import events

SAMPLES: list[events.Event] = [
    events.TenantCreated({"name": "standard"}, 7, 1),
    events.CheckoutOpened("cs", 100, "USD"),
    events.CheckoutCompleted("cs"),
    events.PaymentSettled("cs"),
    events.PortalOpened("bps"),
    events.VoucherRedeemed("A", 1, 0, 1),
    events.ContractSubscribed("c", "cs"),
]


def test_every_kind_of_event_survives_the_log() -> None:
    assert {type(event).__name__ for event in SAMPLES} == set(events.KINDS)
    for event in SAMPLES:
        assert events.decode(json.loads(json.dumps(events.encode(event)))) == event


@pytest.mark.parametrize("document", [{}, {"kind": "Nonsense"}, {"kind": "PortalOpened", "other": 1}])
def test_what_this_version_does_not_know_is_named(document: dict[str, Any]) -> None:
    with pytest.raises(events.UnknownEventError):
        events.decode(document)

"""The control API knows the hosted pages by a protocol alone: what stands behind it has to keep it."""

from __future__ import annotations

import inspect

import pytest
from orgbilling_stubs.checkout.completion import CheckoutCompletion
from orgbilling_stubs.control.hosted_checkouts import HostedCheckouts


@pytest.mark.parametrize("name", [name for name in vars(HostedCheckouts) if not name.startswith("_")])
def test_the_hosted_pages_implement_the_protocol(name: str) -> None:
    assert inspect.signature(getattr(CheckoutCompletion, name)) == inspect.signature(
        getattr(HostedCheckouts, name)
    )

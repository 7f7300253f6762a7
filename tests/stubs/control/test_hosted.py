"""The control API knows the hosted pages by a protocol alone: what stands behind it has to keep it."""

from __future__ import annotations

import inspect

import pytest
from orgbilling_stubs.checkout.completion import CheckoutCompletion
from orgbilling_stubs.control.hosted import Hosted


@pytest.mark.parametrize("name", [name for name in vars(Hosted) if not name.startswith("_")])
def test_the_desk_keeps_the_protocol(name: str) -> None:
    assert inspect.signature(getattr(CheckoutCompletion, name)) == inspect.signature(getattr(Hosted, name))

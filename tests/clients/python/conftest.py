"""The Python client, as somebody who installed it uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from orgbilling import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server.in_process() as server:
        yield server

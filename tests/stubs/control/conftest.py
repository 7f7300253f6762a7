from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Drive = Callable[..., httpx.Response]


@pytest.fixture
def drive(dashboard: Any) -> Drive:
    """Calls the control API of the stub that `dashboard` is a client of."""

    def call(method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:
            options["json"] = body
        answer: httpx.Response = dashboard(method, f"/_mock/v1{path}", None, **options)
        assert answer.status_code < 500, answer.text
        return answer

    return call

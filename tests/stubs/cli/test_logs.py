import logging

import pytest
from orgbilling_stubs.cli import logs


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield None
    root.handlers, root.level = handlers, level


def test_a_token_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.to_stderr()
    log = logging.getLogger("orgbilling")
    log.info("quiet")
    try:
        raise ValueError("Bearer eyJhbGciOi.eyJzdWIi.c2ln")
    except ValueError:
        log.exception("crashed with eyJhbGciOi.eyJzdWIi.c2ln")
    said = capsys.readouterr().err
    assert "crashed with [redacted]" in said
    assert "Traceback" in said
    assert "eyJ" not in said
    assert "quiet" not in said

from __future__ import annotations

import sys
from pathlib import Path

# `mutation` and `servers` are packages of helpers beside the tests, also in the processes of the runner.
CONFORMANCE_TESTS = str(Path(__file__).parents[1])
if CONFORMANCE_TESTS not in sys.path:
    sys.path.insert(0, CONFORMANCE_TESTS)

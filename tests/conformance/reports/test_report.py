from __future__ import annotations

import json

from orgbilling_conformance import Finding, Report


def test_the_exit_status_is_that_of_the_verdict() -> None:
    exits = {name: Report(name, (), (), ()).exit_status for name in ("conforms", "violated", "inconclusive")}
    assert exits == {"conforms": 0, "violated": 1, "inconclusive": 3}


def test_the_json_holds_everything() -> None:
    rows = (
        Finding("r", "error", "documented", "o", "/p", "a", "b"),
        Finding("r", "warning", "invariant", "o", "", "", ""),
    )
    report = Report("violated", rows, (), ())
    document = json.loads(json.dumps(report.to_json()))
    assert (document["verdict"], document["exit"]) == ("violated", 1)
    wanted = {"rule", "severity", "basis", "operation", "pointer", "expected", "observed", "count", "curl"}
    assert wanted <= document["findings"][0].keys()
    assert (len(report.errors), len(report.warnings)) == (1, 1)
    assert rows[0].key == ("r", "o", "/p")

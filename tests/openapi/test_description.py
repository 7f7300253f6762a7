from __future__ import annotations

import hashlib
import json
import subprocess
import sys

from orgbilling_openapi import description


def test_load_gives_a_fresh_document_each_time() -> None:
    description.load()["paths"].clear()
    assert description.load()["paths"]


def test_the_digest_is_that_of_the_canonical_json() -> None:
    canonical = json.dumps(description.load(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert description.digest() == hashlib.sha256(canonical.encode()).hexdigest()
    shuffled = dict(reversed(description.load().items()))
    assert description.digest(shuffled) == description.digest()
    shuffled["info"] = {**shuffled["info"], "title": "other"}
    assert description.digest(shuffled) != description.digest()


def test_a_server_starts_without_a_yaml_parser() -> None:
    code = (
        "import sys; from orgbilling_openapi import description as d, version_conversion\n"
        "version_conversion.to_openapi_30(d.load()), d.digest(), d.origins()\n"
        "print(sorted({'yaml', 'jsonschema_rs', 'rich'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_origin_without_a_row_of_its_own_is_that_of_what_is_around_it() -> None:
    table = {
        "reasons": ["why"],
        "nodes": {"#": ["documented"], "#/a": ["assumed", 0], "#/a/b": ["published"]},
    }
    origins = description.NodeOrigins(table)
    assert origins.of("#/x/y") == description.NodeOrigin("documented")
    assert origins.of("#/a/c/d") == description.NodeOrigin("assumed", "why")
    assert origins.of("#/a/b/c").fact
    assert not origins.of("#/a").fact

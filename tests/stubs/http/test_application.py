from __future__ import annotations

import time

from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.application import HttpSettings, assemble


def test_building_is_quick():
    contract = descriptions.load()
    started = time.perf_counter()
    assemble(contract, {}, lambda headers, method, values: None)
    assert time.perf_counter() - started < 0.5


def test_an_empty_table_answers_every_get_with_an_example(make):
    from orgbilling_stubs.http.example_responses import ExampleValues  # noqa: F401 -- the import that the first request does

    ask = make()
    ask.app = assemble(descriptions.load(), {}, lambda headers, method, values: None)
    for path, item in descriptions.load()["paths"].items():
        if "get" in item:
            assert ask("GET", path).status == 200


def test_the_contract_is_left_as_it_is():
    contract = descriptions.load()
    assemble(contract, {}, lambda headers, method, values: None, settings=HttpSettings(lenient=True))
    assert contract == descriptions.load()

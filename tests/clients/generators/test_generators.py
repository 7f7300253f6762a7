"""Generators of TypeScript clients, and MSW, read the document that the stub serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from orgbilling import Server

Run = Callable[..., str]
OPERATION_IDS = ("getOrgBilling", "getOrgLedger", "redeemOrgVoucher", "createOrgBillingCheckout")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(install: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = install(Path(__file__).parent)
    document = tmp_path_factory.mktemp("document") / "openapi.json"
    with Server.in_process() as server:
        document.write_text(server.client().get("/api/v1/openapi.json").text, "utf-8")
    run("cp", str(document), "openapi.json")
    return run


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("openapi-typescript", "openapi.json", "--output", "types.ts"), "types.ts"),
        (("openapi-ts", "--input", "openapi.json", "--output", "hey"), "hey/sdk.gen.ts"),
        (("orval", "--input", "openapi.json", "--output", "orval.ts", "--client", "fetch"), "orval.ts"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_generator_reads_the_served_document(run, command, file):
    run("npx", *command)
    source = run("cat", file)
    assert [name for name in OPERATION_IDS if name.lower() not in source.lower()] == []
    run("npx", "tsc", "--noEmit", "--skipLibCheck", "--strict", "--target", "es2022", "--module", "esnext",
        "--moduleResolution", "bundler", file)  # fmt: skip


def test_msw_answers_the_examples(run):
    lines = run("node", "mock.js").splitlines()
    assert [line for line in lines if line.endswith(" 200")] == [
        "billing 200", "ledger 200", "contract 200", "model-pricing 200",
    ]  # fmt: skip

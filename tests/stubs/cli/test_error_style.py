"""Every command with wrong values: one line that names the option, what is wrong, and what to do."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from orgbilling_stubs.cli.main import build, run

AWAY = "http://127.0.0.1:1"
NOTHING_THERE = "connection refused: nothing listens there; start it with `orgbilling serve`, or say with "
RECORDED = "tests/data/recorded.bundle.jsonl"

ERRORS = {
    # Commands and options that do not exist, or lack something.
    "srve": "no such command 'srve'; did you mean \"serve\"?",
    "sing": "no such command 'sing'; see orgbilling --help",
    "--versio": 'no such option --versio; did you mean "--version"?',
    "-x": "no such option -x; see orgbilling --help",
    "serve --prot 1": 'no such option --prot; did you mean "--port"?',
    "serve extra": "unexpected argument 'extra'; see orgbilling serve --help",
    "token --org": "--org: needs a value; see orgbilling token --help",
    "token --v1=3": "--v1: takes no value; see orgbilling token --help",
    "spec chek": "no such command 'chek'; did you mean \"check\"?",
    "export verfy DIR": "no such command 'verfy'; did you mean \"verify\"?",
    "export verify": "missing argument ",
    # serve
    "serve --host nope.invalid": "cannot listen on nope.invalid:4010: ",
    "serve --host 0.0.0.0 --port 0": "--auth: trust believes foreign tokens: beyond loopback use --auth veri",
    "serve --port x": "--port: 'x' is not a whole number from 0 to 65535; see orgbilling serve --help",
    "serve --port 99999": "--port: '99999' is not a whole number from 0 to 65535; see orgbilling serve --hel",
    "serve --persona standrd": '--persona: standrd: no such persona; did you mean "standard"?',
    "serve --persona nope": "--persona: nope: no such persona; see `orgbilling personas`",
    "serve --persona /nope.yaml": "--persona: /nope.yaml: no such file",
    "serve --persona BAD": "--persona: BAD:2: is not valid YAML: ",
    "serve --seed -1": "--seed: '-1' is not a whole number of at least 0; see orgbilling serve --help",
    "serve --clock lve": "--clock: not an RFC 3339 instant: 'lve'; live, or an instant such as 2026-03-10T1",
    "serve --db mysql://x": "--db: unknown database address 'mysql://x': use memory: or sqlite:///FILE or ",
    "serve --db sqlite:////nope/x": "--db: cannot use /nope/x as a database: there is no folder /nope",
    "serve --db sqlite:///BAD": "--db: cannot use BAD as a database: file is not a database",
    "serve --auth tust": "--auth: 'tust' is not one of trust, verify, off; did you mean \"trust\"?",
    "serve --auth verify --clerk-pem /nope": "--clerk-pem: /nope: no such file or directory",
    "serve --auth verify --clerk-pem BAD": "--clerk-pem: BAD: not an RSA public key in PEM form",
    "serve --auth verify --clerk-jwks /nope": "--clerk-jwks: /nope: no such file or directory",
    "serve --clerk-pem /nope": "--clerk-pem and --clerk-jwks need --auth verify",
    "serve --azp foo": "--azp: not an origin such as http://localhost:3000: 'foo'",
    "serve --cors foo": "--cors: not an origin such as http://localhost:3000: 'foo'",
    "serve --allowed-host 'a b'": "--allowed-host: not a name such as box.example or *.example: 'a b'",
    "serve --public-url foo": "--public-url: not a URL such as https://api.example/billing: 'foo'",
    "serve --trusted-proxies foo": "--trusted-proxies: not an address or network: foo",
    "serve --no-contract 40": "--no-contract: '40' is not one of 404, none; did you mean \"404\"?",
    "serve --published /nope": "--published: /nope: no such file or directory",
    "serve --published BAD": "--published: BAD:2: neither JSON nor YAML ",
    "serve --success-url foo": "--success-url: not an absolute http or https URL: 'foo'",
    "serve --cancel-url foo": "--cancel-url: not an absolute http or https URL: 'foo'",
    "serve --return-url foo": "--return-url: not an absolute http or https URL: 'foo'",
    "serve --webhook soon": "--webhook: 'soon' is not a number of seconds, such as 5, several (0,0), or neve",
    "serve --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling serve --help",
    "serve --log jsn": "--log: 'jsn' is not one of text, json, none; did you mean \"json\"?",
    "serve --scenario low-balanc": "--scenario: 'low-balanc' is not a scenario; did you mean \"low-balance\"",
    "serve --workers 0": "--workers: '0' is not a whole number from 1 to 64; see orgbilling serve --help",
    "serve --workers 2": "--workers: several processes need a database that they share: --db sqlite",
    "serve --scenario 99": "--scenario: '99' is not a scenario; `orgbilling scenario` lists them",
    "serve --dialect /nope": "--dialect: /nope: no such file or directory",
    "serve --dialect BAD": "--dialect: BAD: is not valid YAML: ",
    "serve --beside foo": "'foo': an address like https://api.example.com/api/v1",
    f"serve --beside {AWAY} --mode obsrve": "--mode: 'obsrve' is not one of observe, compare, hybrid; did ",
    f"serve --beside {AWAY} --real getOrgLedger": "--real is for --mode hybrid",
    f"serve --beside {AWAY} --allow-write redem": "--allow-write: 'redem' is not one of redeem, checkout, ",
    "serve --real getOrgLedger": "--mode, --real and --allow-write need --beside URL",
    # beside
    "beside": "missing argument URL; see orgbilling beside --help",
    "beside ftp://x": "'ftp://x': an address like https://api.example.com/api/v1",
    "beside http://a@b": "'http://a@b': an address like https://api.example.com/api/v1",
    f"beside {AWAY} --mode hybrd": "--mode: 'hybrd' is not one of observe, compare, hybrid; did you mean ",
    f"beside {AWAY} --mode hybrid": "--mode hybrid needs --real",
    f"beside {AWAY} --mode hybrid --real getOrgLedgr": "--real: 'getOrgLedgr' is not one of ",
    f"beside {AWAY} --mode hybrid --real 'FETCH /x'": "--real: 'FETCH' is not one of GET, HEAD, ",
    f"beside {AWAY} --allow-write redem": "--allow-write: 'redem' is not one of redeem, checkout, portal, ",
    f"beside {AWAY} --allow-write 'GET /x'": "--allow-write: 'GET /x' is not one of redeem, checkout, portal",
    f"beside {AWAY} --mode compare --allow-write redeem": "--allow-write: comparing asks the real API for ",
    "beside http://api.example --allow-write portal": "--allow-write portal on another machine needs --hos",
    f"beside {AWAY} --token-env NOPE": "--token-env: NOPE: the variable is empty",
    f"beside {AWAY} --timeout 0": "--timeout: '0.0' is not a number of seconds up to 3600",
    f"beside {AWAY} --rate -1": "--rate: '-1.0' is not a number of at least 0; see orgbilling beside --help",
    f"beside {AWAY} --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling beside --",
    "beside https://api.example --insecure": "https://api.example/api/v1: --insecure is for this machine a",
    f"beside {AWAY} --host nope.invalid": "cannot listen on nope.invalid:4010: ",
    f"beside {AWAY} --port x": "--port: 'x' is not a whole number from 0 to 65535; see orgbilling beside -",
    f"beside {AWAY} --persona standrd": '--persona: standrd: no such persona; did you mean "standard"?',
    f"beside {AWAY} --db mysql://x": "--db: unknown database address 'mysql://x': use ",
    f"beside {AWAY} --cors foo": "--cors: not an origin such as http://localhost:3000: 'foo'",
    f"beside {AWAY} --dialect /nope": "--dialect: /nope: no such file or directory",
    f"beside {AWAY} --proposal DIR": "--proposal: DIR: is a directory; see orgbilling beside --help",
    f"beside {AWAY} --har /nope/x": "--har: /nope/x: there is no folder /nope; see orgbilling beside --help",
    f"beside {AWAY} --json /nope/x": "--json: /nope/x: there is no folder /nope; see orgbilling beside --h",
    f"beside {AWAY} --junit DIR": "--junit: DIR: is a directory; see orgbilling beside --help",
    f"beside {AWAY} --sarif DIR": "--sarif: DIR: is a directory; see orgbilling beside --help",
    f"beside {AWAY} --markdown DIR": "--markdown: DIR: is a directory; see orgbilling beside --help",
    f"beside {AWAY} --html DIR": "--html: DIR: is a directory; see orgbilling beside --help",
    f"beside {AWAY} --log jsn": "--log: 'jsn' is not one of text, json, none; did you mean \"json\"?",
    # token
    "token --org 'a b'": "--org: 'a b': expected letters, digits, '_', '-' and '.', 128 at most",
    "token --org org_": "--org: an organization needs a name, such as low_balance",
    "token --role ''": "--role: '' is no text of 1 to 255 printable characters; see orgbilling token --help",
    "token --ttl x": "--ttl: 'x' is no life of at most ten years, such as 60, 15m, 1h or 2d; see orgbilling ",
    "token --bad expird": "--bad: 'expird' is not one of expired, not-yet-valid, ",
    "token --azp ''": "--azp: '' is no text of 1 to 255 printable characters; see orgbilling token --help",
    "token --sub ''": "--sub: '' is no text of 1 to 255 printable characters; see orgbilling token --help",
    # personas
    "personas standrd": 'standrd: no such persona; did you mean "standard"?',
    "personas --check /nope": "/nope: no such file",
    "personas --check BAD": "BAD:2: is not valid YAML: ",
    "personas --check DIR": "DIR: cannot be read: Is a directory",
    # scenario, clock and open
    "scenario 'a b' low-balance": "ORG: 'a b': expected letters, digits, '_', '-' and '.', 128 at most; see ",
    "scenario org_standard": "missing argument NAME; `orgbilling scenario` lists the scenarios",
    "scenario a low-balanc": "NAME: 'low-balanc' is not a scenario; did you mean \"low-balance\"?",
    "scenario a nope": "NAME: 'nope' is not a scenario; `orgbilling scenario` lists them",
    "scenario a 3 --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling scena",
    "scenario a 3 --url ftp://x": "--url: 'ftp://x' is not a URL such as http://127.0.0.1:4010; see orgbilli",
    "scenario a 3 --url http://x:y": "--url: 'http://x:y' is not a URL such as http://127.0.0.1:4010; see or",
    f"scenario a 3 --url {AWAY}": f"{AWAY}/_mock/v1/organizations/org_a/scenario: {NOTHING_THERE}--url where",
    f"scenario a 3 --url {AWAY} --token é": f"{AWAY}/_mock/v1/organizations/org_a/scenario: ",
    "scenario a 3 --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling scenario",
    "clock 'a b' +P1M": "ORG: 'a b': expected letters, digits, '_', '-' and '.', 128 at most; see orgbilling",
    "clock a": "missing argument MOVE; see orgbilling clock --help",
    f"clock a -7d --url {AWAY}": f"{AWAY}/_mock/v1/organizations/org_a/clock/advance: {NOTHING_THERE}--url ",
    "clock a +P1M --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling clock",
    f"clock a +P1M --url {AWAY}": f"{AWAY}/_mock/v1/organizations/org_a/clock/advance: {NOTHING_THERE}--url ",
    f"clock a +P1M --url {AWAY} --token é": f"{AWAY}/_mock/v1/organizations/org_a/clock/advance: ",
    "clock a +P1M --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling clock --hel",
    "compare a --with 'a b'": "--with: 'a b': expected letters, digits, '_', '-' and '.', 128 at most; see ",
    "compare a --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling compare",
    f"compare a --url {AWAY}": f"{AWAY}/_mock/v1/organizations/org_a/comparison?: {NOTHING_THERE}--url ",
    f"compare a --url {AWAY} --token é": f"{AWAY}/_mock/v1/organizations/org_a/comparison?: ",
    "compare a --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling compare --help",
    "doctor --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling doctor ",
    "doctor --port x": "--port: 'x' is not a whole number from 0 to 65535; see orgbilling doctor --help",
    "doctor --auth tust": "--auth: 'tust' is not one of trust, verify, off; did you mean \"trust\"?",
    "doctor --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling doctor --help",
    "agent setup --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling agent",
    "open --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling open --help",
    f"open --url {AWAY}": f"{AWAY}/healthz: {NOTHING_THERE}--url where it listens",
    "open --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling open --help",
    # replay and coverage
    "replay": "missing argument BUNDLE; see orgbilling replay --help",
    "replay /nope": "/nope: no such file or directory",
    "replay DIR": "DIR: is a directory",
    "replay BAD": "BAD:1: not JSON: expecting value at column 1",
    "coverage foo": "URL: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling coverage --h",
    f"coverage {AWAY} --url {AWAY}": "--url: the address is given twice; see orgbilling coverage --help",
    "coverage --url foo": "--url: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling coverage ",
    f"coverage --url {AWAY}": f"{AWAY}/_mock/v1/coverage: {NOTHING_THERE}--url where it listens",
    f"coverage --url {AWAY} --token é": f"{AWAY}/_mock/v1/coverage: ",
    "coverage --fail-under x": "--fail-under: 'x' is not a number from 0 to 100; see orgbilling coverage --h",
    "coverage --fail-under 101": "--fail-under: '101.0' is not a number from 0 to 100; see orgbilling covera",
    "coverage --fail-under nan": "--fail-under: 'nan' is not a number from 0 to 100; see orgbilling coverage",
    "coverage --only operation": "--only: 'operation' is not one of operations, statuses, parameters, ",
    "coverage --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling coverage --help",
    # conform
    "conform": "give one target: an address, --app MODULE:ATTRIBUTE or --har FILE",
    f"conform {AWAY} --url {AWAY}": "--url: the address is given twice",
    "conform --url foo": "'foo': an address like https://api.example.com/api/v1",
    "conform 'http://a b'": "'http://a b': an address like https://api.example.com/api/v1",
    "conform --app nope:x": "--app: nope:x: ModuleNotFoundError: No module named 'nope'",
    "conform --har /nope": "--har: /nope: no such file or directory",
    "conform --har BAD": "--har: BAD: not a HAR file",
    "conform --har DIR": "--har: DIR: is a directory",
    f"conform {AWAY} --token 'a b'": "--token is not one word of ASCII characters",
    f"conform {AWAY} --token-env NOPE": "--token-env: NOPE: the variable is empty",
    f"conform {AWAY} --token-command false": "--token-command ended with status 1 and printed no token",
    f"conform {AWAY} --second-token 'a b'": "--second-token is not one word of ASCII characters",
    f"conform {AWAY} --expired-token 'a b'": "--expired-token is not one word of ASCII characters",
    f"conform {AWAY} --pending-token 'a b'": "--pending-token is not one word of ASCII characters",
    f"conform {AWAY} --allow-write redem": "--allow-write: 'redem' is not one of redeem, checkout, portal, ",
    f"conform {AWAY} --allow-write redeem": "--allow-write redeem needs --voucher CODE: a code that may be ",
    f"conform {AWAY} --voucher x": "--voucher CODE needs --allow-write redeem",
    f"conform {AWAY} --contract x": "--contract ID needs --allow-write subscribe",
    f"conform {AWAY} --max-requests x": "--max-requests: 'x' is not a whole number; see orgbilling conform -",
    f"conform {AWAY} --max-requests 0": "--max-requests: '0' is not a number of at least 1",
    f"conform {AWAY} --max-time -1": "--max-time: '-1.0' is not a number of at least 0.001",
    f"conform {AWAY} --rate -1": "--rate: '-1.0' is not a number of at least 0",
    f"conform {AWAY} --timeout 0": "--timeout: '0.0' is not a number of at least 0.001",
    f"conform {AWAY} --timeout x": "--timeout: 'x' is not a number; see orgbilling conform --help",
    f"conform {AWAY} --examples 0": "--examples: '0' is not a number of at least 1",
    f"conform {AWAY} --seed -1": "--seed: '-1' is not a number of at least 0",
    f"conform {AWAY} --baseline /nope": "--baseline: /nope: no such file or directory",
    f"conform {AWAY} --baseline BAD": "--baseline: BAD: ",
    f"conform {AWAY} --replay /nope": "--replay: /nope: no such file or directory",
    f"conform {AWAY} --compare /nope": "--compare: /nope: no such file or directory",
    f"conform {AWAY} --compare BAD": "--compare: BAD: not a report of this command (--json)",
    f"conform {AWAY} --json /nope/x": "--json: /nope/x: there is no folder /nope; see orgbilling conform --h",
    f"conform {AWAY} --junit DIR": "--junit: DIR: is a directory; see orgbilling conform --help",
    f"conform {AWAY} --ctrf /nope/x": "--ctrf: /nope/x: there is no folder /nope; see orgbilling conform --h",
    f"conform {AWAY} --sarif /nope/x": "--sarif: /nope/x: there is no folder /nope; see orgbilling conform ",
    f"conform {AWAY} --markdown /nope/x": "--markdown: /nope/x: there is no folder /nope; see orgbilling con",
    f"conform {AWAY} --html /nope/x": "--html: /nope/x: there is no folder /nope; see orgbilling conform --h",
    f"conform {AWAY} --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling conform ",
    f"conform {AWAY} --dialect /nope": "--dialect: /nope: no such file or directory",
    # spec
    "spec propose /nope": "/nope: no such file or directory",
    "spec propose BAD": "BAD: is not valid YAML: ",
    "spec propose BAD --out /nope/x": "--out: /nope/x: there is no folder /nope; see orgbilling spec propose",
    "spec derive /nope": "/nope: no such file or directory",
    "spec derive BAD": "BAD: line 1: expected the title of the page: 'nonsense: ['",
    "spec derive BAD --out /nope/x": "--out: /nope/x: there is no folder /nope; see orgbilling spec derive ",
    "spec explain foo": "not a JSON pointer: 'foo' (expected '#/…')",
    "spec explain '#/path'": "nothing at #/path; # has openapi, info, servers, paths, components, tags",
    "spec export --out /nope/x": "--out: /nope/x: there is no folder /nope; see orgbilling spec export",
    "spec export --out x.txt": "--out: x.txt: expected a name that ends in .yaml, .yml or .json",
    "spec export --server foo": "--server: not an http or https URL: 'foo'",
    "spec export --openapi 2.0": "--openapi: '2.0' is not one of 3.0, 3.1; see orgbilling spec export --help",
    "spec diff /nope": "/nope: no such file or directory",
    "spec diff BAD": "BAD:2: neither JSON nor YAML ",
    f"spec diff {AWAY}/x": f"{AWAY}/x: connection refused: nothing listens there",
    "spec diff x --against /nope": "x: no such file or directory",
    "spec diff x --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling spec diff --",
    # export
    "export --out BAD": "BAD: file exists",
    "export --out OUT --persona standrd": '--persona: standrd: no such persona; did you mean "standard"?',
    "export --out OUT --orgs 0": "--orgs: '0' is not a whole number from 1 to 1000000; see orgbilling export",
    "export --out OUT --orgs 1000001": "--orgs: '1000001' is not a whole number from 1 to 1000000; see",
    "export --out OUT --orgs 1 --population startp": "--population: startp: no such population; did you mean",
    "export --out OUT --orgs 1 --launched soon": "--launched: not an RFC 3339 instant: 'soon'",
    "export --out OUT --bundle /nope": "--bundle: /nope: no such file or directory; see orgbilling export --",
    "export --out OUT --bundle BAD": "BAD:1: not JSON: expecting value at column 1",
    "export --out OUT --from foo": "--from: 'foo' is not a URL such as http://127.0.0.1:4010; see orgbilling",
    f"export --out OUT --from {AWAY}": f"{AWAY}/_mock/v1/organizations/*/bundle: {NOTHING_THERE}--from where",
    "export --out OUT --ca-file /nope": "--ca-file: /nope: no such file or directory; see orgbilling export ",
    "export --out OUT --format csvx": "--format: 'csvx' is not one of csv, jsonl, ",
    "export --out OUT --days 0": "--days: '0' is not a whole number from 1 to 3660; see orgbilling export --",
    "export --out OUT --seed x": "--seed: 'x' is not a whole number; see orgbilling export --help",
    "export --out OUT --seed 9223372036854775808": "seed: 9223372036854775808 does not fit in 64 bits",
    "export --out OUT --as-of foo": "--as-of: not an RFC 3339 instant: 'foo'",
    "export --out OUT --locale de_DE": "no such option --locale",
    "export --out OUT --tables ledgr": "--tables: 'ledgr' is not one of organizations, sign_ups, ",
    "export --out OUT --shard 3/2": "--shard: '3/2' is not i/n with 1 ≤ i ≤ n, such as 2/8",
    "export --out OUT --block 0": "--block: '0' is not a whole number of at least 1; see orgbilling export -",
    "export --out OUT --since foo": "--since: not an RFC 3339 instant: 'foo'",
    "export --out OUT --since 2026-01-01": "--since needs --orgs, without --persona and --days: ",
    "export --out OUT --feed": "--feed is about changes: it needs --since INSTANT",
    "export --out OUT --dirty 2": "--dirty: '2' is not a share of rows such as 0.01",
    "export --out OUT --money cents": "--money: 'cents' is not one of number, text",
    "export --out OUT --money text": "--money is for jsonl; csv has one way to write amounts",
    "export --out OUT --bom --format jsonl": "--bom is for csv, whose readers cannot tell its encoding",
    "export --out OUT --bom --format parquet": "--bom is for csv, whose readers cannot tell its encoding",
    "export --to postgresql://127.0.0.1:1/x --bom": "--shard, --partition-by, --dirty and --bom are",
    "export --out ''": "--out: is empty (a variable of the shell",
    "export --out '  '": "--out: is empty (a variable of the shell",
    "export --out OUT --persona ''": "--persona: is empty (a variable of the shell",
    "export --out OUT --persona ,": "--persona: is empty (a variable of the shell",
    "export --out OUT --orgs 1 --population ''": "--population: is empty (a variable of the shell",
    "export --out OUT --tables ''": "--tables: '' is not one of organizations, sign_ups, ",
    "export --out OUT --format ''": "--format: '' is not one of csv, jsonl, ",
    "export --out OUT --days ''": "--days: '' is not a whole number from 1 to 3660; see orgbilling export --",
    "export --out OUT --bundle ''": "--bundle: .: is a directory; see orgbilling export --help",
    "export --to ''": "--to: is empty (a variable of the shell",
    "export --to postgresql://x --schema ''": "--schema: is empty (a variable of the shell",
    "export --report ''": "--report: .: is a directory; see orgbilling export --help",
    "export --out OUT --partition-by week": "--partition-by: 'week' is not one of date, month",
    "export --out ftp://host/demo": "--out: 'ftp://host' is not one of s3://…, gs://…, abfss://…",
    "export verify DIR --shard 3/2": "--shard: '3/2' is not i/n with 1 ≤ i ≤ n, such as 2/8",
    "export verify DIR --shard 1/2 --totals": "--shard and --totals are two steps: give one of them",
    "export --out OUT --jobs 0": "--jobs: '0' is not a whole number from 1 to 256; see orgbilling export",
    "export --out OUT --replace": "--replace, --append and --schema are for --to URL",
    "export --out OUT --append": "--replace, --append and --schema are for --to URL",
    "export --out OUT --schema x": "--replace, --append and --schema are for --to URL",
    "export --to foo --replace --append": "--replace or --append: give one of them",
    "export --to foo": "--to: 'foo' is not a URL such as postgresql://localhost/demo",
    "export --report BAD/x.html": "BAD: file exists",
    "export merge DIR": "DIR: no manifest-1-of-….json in it",
    "export verify DIR": "DIR: no manifest.json: not a whole export",
}
"""The line of each wrong command, or its beginning. BAD, DIR, OUT: a file of nonsense, and folders."""

ANY_TEXT = {
    "doctor --host",
    "doctor --db",
    "conform --host-confirmed",
    "beside --host-confirmed",
    "compare --from",
    "compare --to",
}
"""Options that no value is wrong for by itself: the server knows."""


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """What the words in capitals stand for."""
    (tmp_path / "bad.yaml").write_text("nonsense: [\n")
    (tmp_path / "empty").mkdir()
    return {
        "BAD": str(tmp_path / "bad.yaml"),
        "DIR": str(tmp_path / "empty"),
        "OUT": str(tmp_path / "out"),
    }


def replaced(text: str, places: dict[str, str]) -> str:
    for word, path in places.items():
        text = text.replace(word, path)
    return text


@pytest.mark.parametrize("line", ERRORS)
def test_a_wrong_command_is_answered_in_one_line(
    line: str, places: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = shlex.split(replaced(line, places))
    if arguments[0] in ("serve", "beside") and "--host" not in arguments and len(arguments) > 1:
        arguments[1:1] = ["--port", "0"]
    monkeypatch.setattr(sys, "argv", ["orgbilling", *arguments])
    with pytest.raises(SystemExit) as exited:
        run()
    printed = capsys.readouterr()
    assert printed.err.startswith(f"orgbilling: {replaced(ERRORS[line], places)}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert exited.value.code == (1 if line.startswith("personas --check") else 2)


def parameters(command: Any, words: tuple[str, ...] = ()) -> Iterator[str]:
    """Every option and argument that takes a value, with its command."""
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from parameters(subcommand, (*words, name))
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.is_flag:
            yield " ".join((*words, max(parameter.opts, key=len)))


def test_the_table_has_every_option() -> None:
    lines = [line.split() for line in ERRORS]
    for words in map(str.split, parameters(typer.main.get_command(build([])))):
        *command, option = words
        assert " ".join(words) in ANY_TEXT or any(
            line[: len(command)] == command and option in line for line in lines
        ), words

"""Golden files, a PostgreSQL for the tests that need one, and a certificate.

Golden files are values that a test compares with what was recorded in `tests/data`.

    make test ARGS=--rewrite-golden

writes all of them anew, for when they are meant to change, and runs no other test. `git diff tests/data`
shows what has changed.
"""

from __future__ import annotations

import datetime
import gc
import ipaddress
import os
import ssl
import sys
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
from postgres_server import PostgresMissingError, PostgresServer

HERE = Path(__file__).parent
DATA = HERE / "data"
NO_POSTGRES = "PostgreSQL was not tested"

Golden = Callable[[str, Callable[[], str]], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write the golden files anew, and run no other test"
    )


def pytest_configure(config: pytest.Config) -> None:
    # How fast a machine draws examples, or runs them, says nothing about the code under test.
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")
    if config.getoption("--rewrite-golden"):
        config.option.markexpr = ""  # some of the tests with golden files are slow


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow the cases of a test whose parameters have values after the first few (`slow_beyond`)."""
    marker, cases = item.get_closest_marker("slow_beyond"), getattr(item, "callspec", None)
    if marker and cases and max(cases.indices.values()) >= marker.args[0]:
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The tests of the whole project have the longest setups: where they come last, every process makes
    # its own of them, or waits for the one that does.
    items.sort(key=lambda item: item.path.parent != HERE)
    if config.getoption("--rewrite-golden"):
        others = [item for item in items if "golden" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


# A full collection of garbage looks at a million objects that stay (modules, tests, histories), for up to a
# second. So there is none while tests are collected, and later ones look at what a module of tests has made.


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The recorded text of a file in `tests/data`.

    `golden(name, current)` reads the file; with `--rewrite-golden` it writes the result of `current()` first.
    Each file belongs to one test, so that tests in several processes do not write the same file.
    """

    def text(name: str, current: Callable[[], str]) -> str:
        path = DATA / name
        if request.config.getoption("--rewrite-golden"):
            draft = path.with_name(f"{name}.{os.getpid()}")
            draft.write_text(current(), "utf-8")
            draft.replace(path)
        return path.read_text("utf-8")

    return text


@pytest.fixture(scope="session", autouse=True)
def _certificate_authorities_are_read_once() -> Iterator[None]:
    """Each client of httpx reads the authorities that it may trust, which takes 30 ms, and few use TLS."""
    read = httpx.create_ssl_context

    @cache
    def shared(trust_env: bool, *variables: str | None) -> ssl.SSLContext:
        return read(trust_env=trust_env)

    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is not True or cert is not None:
            return read(verify, cert, trust_env)
        return shared(trust_env, *map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))

    with pytest.MonkeyPatch.context() as patch:
        for module in ("httpx", "httpx._config", "httpx._transports.default"):
            patch.setattr(f"{module}.create_ssl_context", create)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test process. Where none can be started, the end of the run says so in red."""
    try:
        server = PostgresServer()
    except PostgresMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{NO_POSTGRES}: {error}")
        pytest.skip(f"{NO_POSTGRES}: {error}")
    yield server
    server.close()


@pytest.fixture
def postgres_address(postgres_server: PostgresServer) -> str:
    """The address of an empty database."""
    return postgres_server.new_database()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for this machine and `api.example.test`, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("api.example.test")]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path, key_path = folder / "cert.pem", folder / "key.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud which tests did not run for want of a PostgreSQL."""
    skipped = [
        report.longrepr[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and NO_POSTGRES in report.longrepr[2]
    ]
    if skipped:
        line = f"{len(skipped)} tests did not run: {skipped[0].removeprefix('Skipped: ')}"
        terminalreporter.write_line(line, red=True, bold=True)

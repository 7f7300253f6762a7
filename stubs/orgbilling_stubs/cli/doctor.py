"""`orgbilling doctor`: what this installation has and lacks, a line each."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer
from orgbilling_openapi.http_client import CertificateOptions, NetworkError, fetch

from orgbilling_stubs.auth import key_file
from orgbilling_stubs.cli.coverage import DEFAULT_URL, server_url
from orgbilling_stubs.cli.listeners import ListenerError, addresses, listen
from orgbilling_stubs.cli.network_options import CaFile, Insecure, Url
from orgbilling_stubs.cli.serve_options import Auth, AuthOption, Db, Host, Port
from orgbilling_stubs.cli.tables import print_table
from orgbilling_stubs.settings import Settings, SettingsError, check_settings

DISTRIBUTION = "orgbilling"
DEFAULT_HOST = Settings().host
DEFAULT_AUTH = Auth(Settings().auth)
TIMEOUT_S = 5
EXTRAS = {
    "spec": "orgbilling spec check",
    "conformance": "fuzzing and random walks of orgbilling conform, the pytest plugin",
    "postgres": "orgbilling serve --db postgresql://…",
    "export": "Parquet, DuckDB, charts and verification of orgbilling export, and its export into PostgreSQL",
}
"""The extras of the distribution, each with the commands that need it."""

Status = Literal["ok", "missing", "error"]
"""missing: serving works without it. error: serving does not work."""
_HEALTHY = {"status": "ok"}


@dataclass(frozen=True, slots=True)
class InstallationCheck:
    """A thing that was looked at. detail: what it is, or what to do about it, in one line."""

    name: str
    status: Status
    detail: str


def doctor(
    url: Url = DEFAULT_URL,
    host: Host = DEFAULT_HOST,
    port: Port = 4010,
    db: Db = None,
    auth: AuthOption = DEFAULT_AUTH,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Say what this installation has and what it lacks.

    The exit status is 0 when `orgbilling serve` works with the same --host, --port, --db and --auth, or when
    a stub listens there already. It is 1 when it does not.
    """
    server = _server(url, CertificateOptions(ca_file, insecure))
    checks = [
        _python(),
        *_package(),
        _access(host, auth),
        _port(host, port, server_runs=server.status == "ok" and _port_of(url) == port),
        _home(),
        _key(),
        _database(db),
        _browser(),
        *_extras(),
        _terminal(),
        server,
    ]
    serves = all(check.status != "error" for check in checks)
    if as_json:
        typer.echo(json.dumps({"serves": serves, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        rows = [(check.name, check.status, check.detail) for check in checks]
        print_table(("Check", "Status", "Detail"), rows, [check.status == "error" for check in checks])
    if not serves:
        raise typer.Exit(1)


def _python() -> InstallationCheck:
    release = ".".join(map(str, sys.version_info[:3]))
    return InstallationCheck("python", "ok", f"{release}, {sys.executable}")


def _package() -> Iterator[InstallationCheck]:
    """The version, and whether all modules and files that serving needs are there."""
    try:
        version = metadata.version(DISTRIBUTION)
        yield InstallationCheck("package", "ok", f"{DISTRIBUTION} {version}, {Path(__file__).parents[1]}")
    except metadata.PackageNotFoundError:
        problem = f"no metadata of {DISTRIBUTION}: install it with pip, so that its extras are known"
        yield InstallationCheck("package", "missing", problem)
    try:
        operations = _shipped_operations()
    except (ImportError, OSError, ValueError) as error:
        problem = " ".join(str(error).split())
        yield InstallationCheck("contents", "error", f"{problem}; install {DISTRIBUTION} again")
    else:
        yield InstallationCheck("contents", "ok", f"{operations} operations, the personas, the console")


def _shipped_operations() -> int:
    """How many operations are shipped.

    Raises ImportError, OSError or ValueError when a module or file that serving needs is missing or damaged.
    """
    from orgbilling_fixtures import personas
    from orgbilling_openapi import description
    from orgbilling_openapi.operations import operations

    import orgbilling_stubs.app
    import orgbilling_stubs.console.app  # noqa: F401 -- whether it can be imported
    from orgbilling_stubs.http import templating

    for file in ("console.css", "console.js"):
        (Path(templating.__file__).parent / "static" / file).read_bytes()
    for name in personas.names():
        (personas.catalog.FOLDER / f"{name}.yaml").read_bytes()
    return sum(1 for _ in operations(description.load()))


def _access(host: str, auth: Auth) -> InstallationCheck:
    """Whether `serve` checks tokens so where it listens."""
    settings = Settings(host=host, auth=auth.value)
    try:
        check_settings(settings)
    except SettingsError as error:
        return InstallationCheck("access", "error", str(error))
    reach = "this machine alone" if settings.loopback else "other machines, too"
    return InstallationCheck("access", "ok", f"{reach}; --auth {auth.value}")


def _port(host: str, port: int, server_runs: bool) -> InstallationCheck:
    """Whether `serve` can listen. server_runs: whether the stub at --url has the same port."""
    try:
        listeners = listen(host, port)
    except ListenerError as error:
        if server_runs:
            return InstallationCheck("port", "ok", f"{port} belongs to the stub that runs (see server)")
        return InstallationCheck("port", "error", str(error))
    where = addresses(listeners)
    for listener in listeners:
        listener.close()
    return InstallationCheck("port", "ok", f"{where} can be listened on")


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _home() -> InstallationCheck:
    """The folder for the user's own data. Nothing is created."""
    try:
        folder = key_file.data_folder()
    except key_file.HomeError as error:
        return InstallationCheck("home", "missing", str(error))
    if not _can_create_in(folder):
        problem = f"{folder} cannot be written to; set {key_file.HOME_VARIABLE} to a folder that can"
        return InstallationCheck("home", "missing", problem)
    return InstallationCheck("home", "ok", str(folder))


def _key() -> InstallationCheck:
    """The key that signs session tokens. Nothing is created."""
    try:
        path = key_file.data_folder() / key_file.FOLDER / key_file.NAME
        if os.path.lexists(path):
            key_file.load_signing_key()
            return InstallationCheck("key", "ok", str(path))
    except key_file.HomeError:
        path = None
    except key_file.KeyFileError as error:
        return InstallationCheck("key", "error", str(error))
    if path is None or not _can_create_in(path.parent):
        problem = (
            "none, and no folder for one: each server makes its own in memory, for which `orgbilling token` "
            "cannot mint tokens"
        )
        return InstallationCheck("key", "missing", problem)
    return InstallationCheck("key", "ok", f"{path} does not exist yet; it is made when it is needed")


def _can_create_in(folder: Path) -> bool:
    """Whether this user can write to a folder, or create it.

    It is tried with a file that has no name or is deleted at once: permissions alone do not tell, because
    root has them all and some file systems refuse nevertheless.
    """
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
        TemporaryFile(dir=nearest).close()
    except OSError:
        return False
    return True


def _database(db: str | None) -> InstallationCheck:
    """Whether the database can be opened. A file that does not exist is not created."""
    from orgbilling_stubs.tenants.store.address import file_of, is_postgres, open_store, shown_address
    from orgbilling_stubs.tenants.store.errors import StoreError

    try:
        path = file_of(db)
        if path is not None and not path.exists():
            if not (path.parent.is_dir() and _can_create_in(path.parent)):
                return InstallationCheck("database", "error", f"{path}: its folder cannot be written to")
            return InstallationCheck("database", "ok", f"{path} does not exist yet; serve creates it")
        open_store(db).close()
    except (StoreError, OSError) as error:
        return InstallationCheck("database", "error", str(error))
    if db is not None and is_postgres(db):
        kept = f"{shown_address(db)} can be used"
    elif path is not None:
        kept = f"{path} can be used"
    else:
        kept = "in memory; --db sqlite:///FILE keeps organizations"
    return InstallationCheck("database", "ok", kept)


def _browser() -> InstallationCheck:
    """What `orgbilling open` starts."""
    if sys.platform in ("darwin", "win32"):
        return InstallationCheck("browser", "ok", "the default browser")
    opener = shutil.which("xdg-open")
    if opener is not None:
        return InstallationCheck("browser", "ok", opener)
    import webbrowser

    try:
        return InstallationCheck("browser", "ok", getattr(webbrowser.get(), "name", "found by Python"))
    except webbrowser.Error:
        problem = "none found: orgbilling open prints the address of the console"
        return InstallationCheck("browser", "missing", problem)


def _extras() -> Iterator[InstallationCheck]:
    """Each extra: what it gives, and which of its distributions are not installed."""
    for extra, gives in EXTRAS.items():
        absent = [name for name in _distributions(extra) if not _is_installed(name)]
        if absent:
            install = f"pip install '{DISTRIBUTION}[{extra}]' gives {gives}"
            yield InstallationCheck(f"extra {extra}", "missing", f"no {', '.join(absent)}: {install}")
        else:
            yield InstallationCheck(f"extra {extra}", "ok", gives)


def _distributions(extra: str) -> Sequence[str]:
    """The distributions that an extra asks for on this Python, from the metadata of this one."""
    from packaging.requirements import Requirement  # late: for this row alone

    try:
        requirements = metadata.requires(DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return ()
    found = [Requirement(line) for line in requirements]
    return [
        requirement.name
        for requirement in found
        if requirement.marker is not None
        and requirement.marker.evaluate({"extra": extra})
        and not requirement.marker.evaluate({"extra": ""})
    ]


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _terminal() -> InstallationCheck:
    encoding = (sys.stdout.encoding or "ascii").lower()
    if encoding.replace("-", "") == "utf8":
        return InstallationCheck("terminal", "ok", encoding)
    problem = f"{encoding}: what it lacks is shown as ? or as a like sign; PYTHONUTF8=1 writes UTF-8"
    return InstallationCheck("terminal", "missing", problem)


def _server(url: str, tls: CertificateOptions) -> InstallationCheck:
    """Whether a stub answers at an address."""
    server = server_url(url)
    try:
        answer = json.loads(fetch(f"{server}/healthz", 1000, TIMEOUT_S, tls))
    except NetworkError as error:
        return InstallationCheck("server", "missing", f"{error}; start it with `orgbilling serve`")
    except ValueError:
        answer = None
    if answer != _HEALTHY:
        return InstallationCheck("server", "missing", f"{server}/healthz is not that of a stub")
    return InstallationCheck("server", "ok", f"{server} answers; console {server}/_mock/")

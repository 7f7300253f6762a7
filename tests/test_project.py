"""What holds of the project as a whole: imports, determinism, dependencies, locks."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "openapi": "orgbilling_openapi",
    "fixtures": "orgbilling_fixtures",
    "conformance": "orgbilling_conformance",
    "stubs": "orgbilling_stubs",
    "clients/python": "orgbilling",
}
"""The folders with production code, and the package in each."""
MAY_IMPORT = {
    "openapi": set(),
    "fixtures": {"openapi"},
    "conformance": {"openapi"},
    "stubs": {"openapi", "fixtures", "conformance"},
    "clients/python": {"openapi", "fixtures", "stubs"},
}
PRIVATE = {
    "__pycache__",
    ".git",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".venv",
    "node_modules",
}

# What only one module may do, and the modules that may.
OWNERS = {
    "random": set(),
    "uuid.uuid1": set(),
    "uuid.uuid4": set(),
    "os.urandom": set(),
    "time": {"stubs/orgbilling_stubs/tenants/clock.py", "conformance/orgbilling_conformance/clock.py"},
    "datetime.now": {
        "stubs/orgbilling_stubs/tenants/clock.py",
        "conformance/orgbilling_conformance/clock.py",
    },
    "datetime.utcnow": set(),
    "datetime.today": set(),
    "date.today": set(),
    "secrets": {
        "stubs/orgbilling_stubs/auth/key_file.py",
        "stubs/orgbilling_stubs/tenants/session_secret.py",
    },
}

# Names that tie the project to one machine, or to work not done.
UNWANTED = re.compile(r"/root/|/home/\w|/Users/\w|\b(?:TODO|FIXME)\b", re.ASCII)


@cache
def files() -> list[Path]:
    """Every file of the project that someone wrote."""
    written: list[Path] = []
    for entry in sorted(ROOT.iterdir()):
        if entry.name in PRIVATE or (entry / "pyvenv.cfg").exists():
            continue
        if entry.is_file():
            written.append(entry)
        for folder, inner, names in os.walk(entry):
            inner[:] = sorted({*inner} - PRIVATE)
            written += (Path(folder, name) for name in sorted(names))
    return written


def modules(room: str) -> list[Path]:
    """The modules of a room."""
    return [path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / room)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(node: ast.AST) -> Iterator[str]:
    """Dotted names imported from elsewhere, wherever in the module; `a.b` for `from a import b`."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)


def roots(node: ast.AST) -> set[str]:
    return {dotted.partition(".")[0] for dotted in imports(node)}


def loaded(path: Path) -> set[str]:
    """What importing the module imports: not what its functions import late, nor types alone."""
    statements = [
        statement for statement in tree(path).body if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    return roots(ast.Module(statements, []))


def declared() -> dict[str, set[str]]:
    """Distributions that pyproject.toml names: for the base, and for all with the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    base = {distribution(requirement) for requirement in project["dependencies"]}
    extras = {
        distribution(requirement)
        for group in project["optional-dependencies"].values()
        for requirement in group
    }
    return {"base": base, "all": base | extras}


def distribution(requirement: str) -> str:
    return re.sub("[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0].lower())


def pins(lock: str) -> dict[str, str]:
    """Requirement with marker -> block of the lock."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    blocks = re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return {block.partition(" \\\n")[0]: block.strip() for block in blocks}


def our_modules() -> list[Path]:
    """The modules of all rooms. A function: what walks through the files is no work of the collection."""
    return [path for room in ROOMS for path in modules(room)]


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_one_way(room):
    packages = {
        package for other_room, package in ROOMS.items() if other_room not in {room, *MAY_IMPORT[room]}
    }
    assert {name(path): found for path in modules(room) if (found := roots(tree(path)) & packages)} == {}


def test_billing_imports_the_standard_library_alone():
    allowed = sys.stdlib_module_names | {"orgbilling_stubs"}
    billing = [path for path in modules("stubs") if "billing" in path.parts]
    assert {name(path): found for path in billing if (found := roots(tree(path)) - allowed)} == {}


def test_time_and_chance_come_from_their_owners():
    used_elsewhere = {}
    for path in our_modules():
        used = set(imports(tree(path)))
        used |= {dotted.partition(".")[0] for dotted in used}
        used |= {
            f"{owner}.{attribute.attr}"
            for attribute in ast.walk(tree(path))
            if isinstance(attribute, ast.Attribute)
            and (owner := getattr(attribute.value, "id", getattr(attribute.value, "attr", None)))
        }
        if names := {what for what in OWNERS if what in used and name(path) not in OWNERS[what]}:
            used_elsewhere[name(path)] = names
    assert used_elsewhere == {}


def test_every_owner_exists():
    assert [owner for owners in OWNERS.values() for owner in owners if not (ROOT / owner).exists()] == []


def test_nothing_names_a_machine_an_index_or_work_not_done():
    found = {}
    for path in files():
        if path != Path(__file__) and (hits := UNWANTED.findall(path.read_text("utf-8", errors="replace"))):
            found[name(path)] = hits
    assert found == {}


STORES = "stubs/orgbilling_stubs/tenants/store"
DRIVERS = {"greenlet", "psycopg"}
IMPORTED_LATE: dict[str, set[str]] = {
    "clients/python/orgbilling/pytest_plugin.py": {"pytest"},
    f"{STORES}/organization_locks.py": DRIVERS,
    f"{STORES}/postgres.py": DRIVERS,
    f"{STORES}/connection_pool.py": DRIVERS,
    f"{STORES}/postgres_connections.py": DRIVERS,
    f"{STORES}/postgres_schema.py": DRIVERS,
    f"{STORES}/suspension.py": DRIVERS,
}
"""What is there when a module is imported: only pytest, or the address of a PostgreSQL, imports these."""


def test_what_a_module_imports_is_declared():
    requirements, distributions_of = declared(), packages_distributions()
    ours = sys.stdlib_module_names | set(ROOMS.values()) | {"_typeshed"}

    def undeclared(packages, distributions):
        return {
            package
            for package in packages - ours
            if not distributions & {*map(distribution, distributions_of[package])}
        }

    for path in our_modules():
        present = IMPORTED_LATE.get(name(path), set())
        assert undeclared(loaded(path) - present, requirements["base"]) == set(), name(path)
        assert undeclared(roots(tree(path)), requirements["all"]) == set(), name(path)


@pytest.mark.parametrize("lock", ["base", "server", "test", "dev", "spark"])
def test_a_lock_is_pinned_and_hashed_and_names_no_address(lock):
    assert "://" not in (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    for requirement, block in pins(lock).items():
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", requirement)
        assert "--hash=sha256:" in block


def test_each_lock_is_part_of_the_next():
    for smaller, larger in pairwise(["base", "server", "test", "dev"]):
        assert pins(smaller).items() < pins(larger).items()


def test_the_locks_hold_what_is_declared():
    locked = {lock: {distribution(pin) for pin in pins(lock)} for lock in ("base", "test")}
    assert declared()["base"] <= locked["base"]
    assert declared()["all"] <= locked["test"]
    assert not locked["base"] & {"pytest", "hypothesis", "schemathesis", "openapi-spec-validator"}


def test_the_changelog_has_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.slow
def test_the_wheel_holds_everything(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in (ROOT / room for room in ROOMS):
        ours = (path for path in files() if path.is_relative_to(folder))
        assert {path.relative_to(folder).as_posix() for path in ours} <= packed
    assert any(file.endswith("licenses/LICENSE") for file in packed)


ANY_ALLOWED = {
    "conformance": 20,
    "fixtures": 12,
    "openapi": 5,
    "stubs/api": 10,
    "stubs/billing": 15,
    "stubs/cli": 2,
    "stubs/control": 2,
    "stubs/export": 10,
    "stubs/faults": 2,
    "stubs/http": 39,
    "stubs/journal": 1,
}
"""How often each package says `Any`, imports left out. The numbers can only fall."""

SAME_CONCEPT = {
    "FaultedExchange": "what effects see of the exchange, as a Protocol, and the class that has it",
    "Exchange": "a request and its response, as the conformance suite and as the journal see it",
    "Response": "an HTTP response, as the conformance suite receives it and as the server makes it",
    "UsageDay": "a day of usage: the fixtures make it, and billing, which does not import them, reads it",
}
"""Public class names that stand twice, each with why it is the same concept."""


def uses_of_any(path: Path) -> int:
    """How often a module's annotations and aliases name `Any`, imports left out."""
    return sum(
        (isinstance(node, ast.Name) and node.id == "Any")
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
        for node in ast.walk(tree(path))
    )


def package(path: Path) -> str:
    """The package of a module; inside the stub, the one below it."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:1] if parts[0] != "stubs" or len(parts) < 4 else ("stubs", parts[2]))


def test_any_becomes_rarer():
    counts = Counter()
    for path in our_modules():
        counts[package(path)] += uses_of_any(path)
    more = {name: count for name, count in counts.items() if count > ANY_ALLOWED.get(name, 0)}
    assert more == {}, "use the type, a Protocol, a TypedDict or JsonValue in place of the new Any"
    fewer = {name: counts[name] for name in ANY_ALLOWED if counts[name] < ANY_ALLOWED[name]}
    assert fewer == {}, (
        "well done: lower the numbers in ANY_ALLOWED to these (a package with none has no row)"
    )


def test_a_public_class_name_stands_once():
    homes = defaultdict(set)
    for path in our_modules():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(name(path))
    twice = {class_name: modules for class_name, modules in homes.items() if len(modules) > 1}
    assert twice.keys() - SAME_CONCEPT.keys() == set(), "rename one, or give the reason in SAME_CONCEPT"
    assert SAME_CONCEPT.keys() - twice.keys() == set(), "these stand once now: remove them from SAME_CONCEPT"

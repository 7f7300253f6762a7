"""Run the tests near a change: `make near`, or `make near ARGS=HEAD~3` for what has changed since a revision.

Near are the changed tests, and the tests that import a changed module, or a module that imports a changed
one. Everything that reads documentation is near a changed page. `make test` remains the last word: a change
can reach further than two imports.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("openapi", "fixtures", "conformance", "stubs", "clients/python")


def changed(revision: str) -> list[Path]:
    """The files that differ from a revision, untracked ones included."""
    commands = (["diff", "--name-only", revision], ["ls-files", "--others", "--exclude-standard"])
    outputs = (
        subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for command in commands
    )
    return [ROOT / name for output in outputs for name in output.split()]


def module_name(path: Path) -> str:
    """The dotted name of a module in one of the packages' folders."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[2 if parts[0] == "clients" else 1 :]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """The dotted names that a module imports, wherever in its text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def near(paths: list[Path]) -> list[Path]:
    """The test files near some changed files."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    modules = {
        module_name(path): imports(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }
    directly = {
        module_name(path)
        for path in paths
        if path.suffix == ".py"
        and path.is_relative_to(ROOT)
        and any(path.is_relative_to(ROOT / package) for package in PACKAGES)
    }
    importers = {name for name, imported in modules.items() if imported & directly}
    chosen = {path for path in tests if path in paths or imports(path) & (directly | importers)}
    if any(path.suffix == ".md" for path in paths):
        chosen |= {ROOT / "tests" / "test_documentation.py", ROOT / "tests" / "test_generated.py"}
    data = [path for path in paths if path.suffix != ".py" and path.suffix != ".md"]
    for path in data:
        package = path.relative_to(ROOT).parts[0]
        chosen |= {test for test in tests if test.is_relative_to(ROOT / "tests" / package)}
    return sorted(chosen)


def main() -> int:
    """Run pytest on what is near; its exit status."""
    files = near(changed(sys.argv[1] if len(sys.argv) > 1 else "HEAD"))
    if not files:
        print("nothing has changed")
        return 0
    names = [str(path.relative_to(ROOT)) for path in files]
    print(f"{len(names)} test files are near the change", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "--numprocesses", "auto", "--dist", "worksteal", *names]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

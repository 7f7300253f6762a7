"""What the sources of the TypeScript client say, compared with what they describe; nothing runs here."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from orgbilling import Organization, Server
from orgbilling_openapi import control_description

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "clients" / "typescript"
INTERFACE = re.compile(r"^export interface (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"^  (\w+)(\??): ", re.MULTILINE)
METHOD = re.compile(r"^  (?:async )?([a-z]\w*)(?:<.*>)?\(", re.MULTILINE)
SCHEMAS = {"OrganizationState": "Organization"}
INTERFACES = dict(INTERFACE.findall((PACKAGE / "src" / "types.ts").read_text("utf-8")))


@pytest.mark.parametrize("name", INTERFACES)
def test_an_interface_has_the_members_of_its_schema(name):
    schema = control_description.load()["components"]["schemas"][SCHEMAS.get(name, name)]
    members = {member: optional == "" for member, optional in MEMBER.findall(INTERFACES[name])}
    expected = {
        member: member in schema["required"] for member in schema["properties"] if member != "$schema"
    }
    assert members == expected


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize(("python", "source"), [(Organization, "organization.ts"), (Server, "server.ts")])
def test_it_has_the_methods_of_the_python_client(python, source):
    text = (PACKAGE / "src" / source).read_text("utf-8")
    own = {camel_case(name) for name in vars(python) if not name.startswith("_")}
    # `start` and `connect` are functions; a stub within the process and its HTTP client are Python's alone.
    missing = own - set(METHOD.findall(text)) - {"start", "connect", "inProcess", "client", "apiUrl"}
    assert missing == set()


def test_it_has_no_dependency_at_run_time():
    package = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert "dependencies" not in package
    assert all(meta["optional"] for meta in package["peerDependenciesMeta"].values())
    assert package["peerDependenciesMeta"].keys() == package["peerDependencies"].keys()


def test_its_version_is_that_of_the_python_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert json.loads((PACKAGE / "package.json").read_text("utf-8"))["version"] == project["version"]


@pytest.mark.parametrize(
    "folder",
    ["clients/typescript", "examples/dashboard", "tests/clients/generators", "tests/clients/postman"],
)
def test_a_lock_names_no_registry(folder):
    packages = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    assert len(packages) > 1
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []

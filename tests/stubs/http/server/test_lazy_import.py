"""Start-up loads what a request needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "faker",
    "httpx",
    "jinja2",
    "jsonschema",
    "requests",
    "rich",
    "starlette.testclient",
    "werkzeug",
    "yaml",
)

APP = """
import sys
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.application import assemble
assemble(descriptions.load(), {}, lambda headers, method, values: None)
"""


def run(code: str, *options: str) -> str:
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.slow
def test_building_the_application_leaves_the_heavy_libraries_alone():
    assert run(f"{APP}\nprint([name for name in {HEAVY} if name in sys.modules])") == "[]"


@pytest.mark.slow
def test_they_are_the_real_ones_when_imported_afterwards():
    use = "import httpx, jsonschema, yaml; print(httpx.Client, jsonschema.validate, yaml.safe_load('[1]'))"
    assert run(f"{APP}\n{use}").startswith("<class 'httpx.Client'> <function validate")


@pytest.mark.slow
def test_libraries_that_are_loaded_already_stay_as_they_are():
    code = f"import jsonschema, yaml\nbefore = (jsonschema, yaml)\n{APP}\n"
    assert run(code + "print(before == (sys.modules['jsonschema'], sys.modules['yaml']))") == "True"


@pytest.mark.slow
def test_stock_connexion_still_works_after_a_lean_import():
    code = """
from orgbilling_stubs.http.server import lazy_import
lazy_import.load()
from connexion.exceptions import ConnexionException, InvalidSpecification
from connexion.spec import Specification
try:
    Specification.load({"openapi": "3.0.0", "info": {}})
except InvalidSpecification as error:
    import jsonschema
    print(isinstance(error, (ConnexionException)) and isinstance(error, jsonschema.ValidationError))
good = {"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {}}
print(Specification.load(good).base_path == "")
import connexion
app = connexion.AsyncApp("x")
app.add_api(good)
import logging
logging.disable()
print(app.test_client().get("/").status_code)
"""
    assert run(code, "-W", "error:jsonschema.RefResolver").split() == ["True", "True", "404"]


@pytest.mark.slow
def test_a_second_load_gives_the_same_module():
    code = """
from orgbilling_stubs.http.server import lazy_import
print(lazy_import.load() is lazy_import.load())
"""
    assert run(code) == "True"

"""Import Connexion without the libraries that it imports and we never call.

Why: `import connexion` loads its test client, two HTTP clients, a template engine, a second web framework
and a second JSON Schema validator. Measured (CPU time and memory of the whole stub, Python 3.11): 0.25 s and
58 MB with this module, 1.1 s and 74 MB without. The first response has to come within 0.7 s, and 70 MB are
the limit.

How: `load` imports Connexion while those names stand for `Deferred` values, which note what is asked of them
and do it on first use. Afterwards the names are free again, so any later import finds the real library. The
first use of any deferred value puts the real things into Connexion's modules. A library that is loaded
already is used as it is.

Example: `connexion.apps.abstract` says `from starlette.testclient import TestClient`. While Connexion is
imported, `starlette.testclient` is a placeholder, so `TestClient` becomes a `Deferred`, and httpx is not
loaded. Nobody calls `AbstractApp.test_client()` in the stub. If somebody did, the call on the `Deferred`
would import `starlette.testclient`, replace the name in `connexion.apps.abstract`, and make the client.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

HEAVY = (
    "asgiref",
    "asgiref.sync",
    "httpx",
    "jinja2",
    "jsonschema",
    "jsonschema.exceptions",
    "jsonschema.validators",
    "requests",
    "starlette.templating",
    "starlette.testclient",
    "werkzeug",
    "werkzeug.local",
    "yaml",
)


class _State:
    """Whether Connexion is being imported now: attribute, item and call are then noted, not performed."""

    recording = False
    settled = False


def _real(value: Any) -> Any:
    """The value itself, with deferred values inside plain containers replaced."""
    if isinstance(value, Deferred):
        return value.resolve()
    if type(value) is dict:
        return {key: _real(item) for key, item in value.items()}
    return value


class _Base:
    """Stands for a deferred base class (a plain class: CPython lets its subclasses change their bases)."""


class Deferred:
    """The result of an expression that has not been evaluated yet."""

    def __init__(self, compute: Callable[[], Any]) -> None:
        self.__dict__["compute"] = compute

    def resolve(self) -> Any:
        """Evaluate once; also put the real things where Connexion keeps deferred ones."""
        if "value" not in self.__dict__:
            self.__dict__["value"] = self.__dict__["compute"]()
        _settle()
        return self.__dict__["value"]

    def _then(self, action: Callable[[Any], Any]) -> Any:
        if _State.recording:
            return Deferred(lambda: action(self.resolve()))
        return action(self.resolve())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and _State.recording:
            raise AttributeError(name)
        return self._then(lambda value: getattr(value, name))

    def __getitem__(self, key: Any) -> Any:
        return self._then(lambda value: value[key])

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Note the call, or make it."""
        return self._then(
            lambda value: value(*(_real(item) for item in args), **{k: _real(v) for k, v in named.items()})
        )

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self.resolve())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (_Base,) if _State.recording else (self.resolve(),)


class _Placeholder(ModuleType):
    """Stands in `sys.modules` for a heavy module; every name in it is deferred."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module = self.__name__

        def compute() -> Any:
            loaded = importlib.import_module(module)
            if hasattr(loaded, name):
                return getattr(loaded, name)
            return importlib.import_module(f"{module}.{name}")

        return Deferred(compute)


def _settle() -> None:
    """Replace deferred names and dropped base classes in Connexion's modules by the real ones, once."""
    if _State.settled or _State.recording:
        return
    _State.settled = True
    with warnings.catch_warnings():
        # `jsonschema.RefResolver`, which Connexion names, warns whoever takes it.
        warnings.simplefilter("ignore", DeprecationWarning)
        _put_real_values()


def _put_real_values() -> None:
    for module in [m for n, m in sys.modules.items() if n == "connexion" or n.startswith("connexion.")]:
        for name, value in list(vars(module).items()):
            if isinstance(value, Deferred):
                setattr(module, name, value.resolve())
            elif isinstance(value, _Placeholder):
                setattr(module, name, importlib.import_module(value.__name__))
            elif isinstance(value, type) and value.__module__ == module.__name__:
                _rebase(value)


def _rebase(kind: type) -> None:
    declared = vars(kind).get("__orig_bases__", ())
    if any(isinstance(base, Deferred) for base in declared):
        kind.__bases__ = tuple(_real(base) for base in declared)


@contextmanager
def _placeholders() -> Iterator[None]:
    absent = [name for name in HEAVY if name not in sys.modules]
    placed = {name: _Placeholder(name) for name in absent}
    for name, module in placed.items():
        parent, _, child = name.rpartition(".")
        if parent in placed:
            setattr(placed[parent], child, module)
    sys.modules.update(placed)
    _State.recording = True
    try:
        yield
    finally:
        _State.recording = False
        for name, module in placed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def load() -> ModuleType:
    """Import Connexion, lightly if it is not loaded yet, and return it."""
    if "connexion" in sys.modules:
        return sys.modules["connexion"]
    with _placeholders():
        return importlib.import_module("connexion")

"""Write what follows from code and descriptions: JSON twins, tables of pages, types of the dashboard.

`make generate` runs it; `python docs/generate.py --check` lists what is stale, and exits with 1. In a page, a
table stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything else is written by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

import typer
import yaml
from orgbilling_conformance import evidence
from orgbilling_conformance.rules import registry
from orgbilling_fixtures import personas, scenarios
from orgbilling_fixtures.document_schema import dotted
from orgbilling_fixtures.personas.consistency import RULES
from orgbilling_fixtures.personas.schema import key_rows
from orgbilling_fixtures.populations.catalog import POPULATION_SCHEMA
from orgbilling_openapi import composition, control_description
from orgbilling_openapi.invariants import INVARIANTS
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import DescribedOperation, operations, operations_by_id
from orgbilling_stubs.agents import protocol as agent_protocol
from orgbilling_stubs.agents.tools import TOOLS
from orgbilling_stubs.api import errors as api_errors
from orgbilling_stubs.auth import errors as auth_errors
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.beside import errors as beside_errors
from orgbilling_stubs.checkout import errors as page_errors
from orgbilling_stubs.cli import main as command_line
from orgbilling_stubs.control import errors as control_errors
from orgbilling_stubs.export import schema as export_schema
from orgbilling_stubs.export.verify import invariants as export_invariants
from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults import errors as fault_errors
from orgbilling_stubs.http import errors as http_errors
from orgbilling_stubs.journal import handlers as journal_handlers
from orgbilling_stubs.tenants.store import errors as store_errors

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
OPENAPI = ROOT / "openapi" / "orgbilling_openapi"
DASHBOARD = ROOT / "examples" / "dashboard"
TYPES = DASHBOARD / "src" / "api" / "schema.ts"


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A Markdown table."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def error_table(rows: Iterable[Any]) -> Callable[[], str]:
    """The table of one module's errors."""
    return lambda: table(
        ("code", "status", "detail"), ((f"`{row.code}`", row.status, row.detail) for row in rows)
    )


def bad_tokens() -> str:
    """What `orgbilling token --bad` can mint."""
    return table(
        ("`--bad`", "the token is", "error"),
        ((f"`{bad.name}`", bad.problem, f"`{bad.error_code}`") for bad in BAD_TOKENS.values()),
    )


def commands() -> str:
    """Every command with its arguments and options, as its --help has them."""
    root = typer.main.get_command(command_line.build([]))
    return "\n".join(_commands(root, "orgbilling"))


def _commands(command: Any, name: str) -> Iterator[str]:
    """The section of a command, then those of its subcommands."""
    rows = [(_parameter(item), _default(item), _meaning(item)) for item in command.params]
    first, _, rest = (command.help or "").partition("\n\n")
    if name == "orgbilling":  # the page says what it is
        first = ""
        rows.append(("`--help`", "", "Show a message like this section and exit; of every command."))
    usage = [name, *(item.metavar or item.name.upper() for item in command.params if not _is_option(item))]
    usage += ["[OPTIONS]"] if any(map(_is_option, command.params)) else []
    usage += ["COMMAND"] if getattr(command, "commands", None) else []
    yield f"{'##' if name.count(' ') < 2 else '###'} `{name}`\n"
    for paragraph in filter(None, (first, rest)):
        yield f"{_prose(paragraph)}\n"
    yield f"```text\n{' '.join(usage)}\n```\n"
    if rows:
        yield table(("argument or option", "default", "meaning"), rows)
    for subcommand, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{name} {subcommand}")


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _prose(text: str) -> str:
    """Help as a page shows it: a paragraph that is a command line becomes a block."""
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    command = re.compile(r"(TOKEN=\$\()?orgbilling ")
    return "\n\n".join(
        f"```text\n{part}\n```" if command.match(part) else part.replace("<", "&lt;") for part in paragraphs
    )


def _parameter(parameter: Any) -> str:
    """How an option is written, with what it takes; an argument by its name."""
    if not _is_option(parameter):
        return f"`{parameter.metavar or parameter.name.upper()}`".replace("|", "\\|")
    value = "" if parameter.is_flag else f" {parameter.metavar or _value(parameter.type)}"
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{name}{value}`" for name in names).replace("|", "\\|")


def _value(kind: Any) -> str:
    """What an option takes, where it does not say so itself."""
    choices = getattr(kind, "choices", None)
    if choices:
        return "|".join(choices)
    number = kind.name.startswith(("int", "float"))
    return "N" if number else "FILE" if kind.name in ("path", "file") else "TEXT"


def _default(parameter: Any) -> str:
    if isinstance(getattr(parameter, "show_default", None), str):
        return str(parameter.show_default)
    default = parameter.default
    return "" if default is None or isinstance(default, bool | list) else f"`{default}`"


def _meaning(parameter: Any) -> str:
    text = getattr(parameter, "help", None) or ""
    if getattr(parameter, "multiple", False) and "repeated" not in text:
        text += " May be repeated."
    return text.replace("|", "\\|").replace("<", "&lt;")


def operation_pages(document: Mapping[str, Any]) -> str:
    """The operations of a description, by tag: what each does, takes and answers."""
    described = list(operations(document))
    parts = []
    for tag in document["tags"]:
        tagged = [item for item in described if tag["name"] in item.node["tags"]]
        if len(document["tags"]) > 1:
            parts.append(f"## {tag['name'].capitalize()}\n\n{tag['description']}\n")
        parts += [_operation(document, item) for item in tagged]
    return "\n".join(parts)


def _operation(document: Mapping[str, Any], operation: DescribedOperation) -> str:
    node, path_item = operation.node, document["paths"][operation.path]
    own = [follow(document, item) for item in node.get("parameters", ())]
    shared = (follow(document, item) for item in path_item.get("parameters", ()))
    parameters = own + [item for item in shared if item["name"] not in {one["name"] for one in own}]
    rows = [
        (
            f"`{item['name']}`",
            item["in"],
            _taken(document, item["schema"]),
            _line(item.get("description", "")),
        )
        for item in sorted(parameters, key=lambda item: ("path", "query", "header").index(item["in"]))
    ]
    content = follow(document, node.get("requestBody", {})).get("content", {}).get("application/json")
    rows += _members(document, content["schema"]) if content else []
    statuses = ", ".join(f"`{status}`" for status in node["responses"])
    parts = [
        f"### `{node['operationId']}`\n",
        f"`{operation.line}`: {node['summary'].lower()}.\n",
        f"{_paragraphs(node['description'])}\n" if node.get("description") else "",
        f"{table(('name', 'in', 'expected', 'meaning'), rows)}" if rows else "",
        f"A body, such as:\n\n```json\n{_example(content)}\n```\n" if content else "",
        f"Answers: {statuses}.\n",
    ]
    return "\n".join(part for part in parts if part)


def _members(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """The rows of a body's members; those of all its alternatives where it has several."""
    schema = follow(document, schema)
    members = dict(schema.get("properties", {}))
    for alternative in schema.get("oneOf", ()):
        members |= follow(document, alternative).get("properties", {})
    required = schema.get("required", ())
    return [
        (
            f"`{name}`",
            "body, required" if name in required else "body",
            _taken(document, member),
            _line(member.get("description") or follow(document, member).get("description", "")),
        )
        for name, member in members.items()
        if name != "$schema"  # the server writes it
    ]


def _taken(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """What values a schema takes, in words."""
    schema = follow(document, schema)
    if "x-expected" in schema:
        return _line(schema["x-expected"])
    if "const" in schema or "enum" in schema:
        return code(json.dumps(value).strip('"') for value in schema.get("enum", [schema.get("const")]))
    if len(schema.get("allOf", ())) == 1:
        return _taken(document, schema["allOf"][0])
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if alternatives:
        return " or ".join(dict.fromkeys(_taken(document, item) for item in alternatives))
    kinds = schema.get("type", "anything")
    words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    if "items" in schema:
        words += f" of: {_taken(document, schema['items'])}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None:
        words += f" from {low or 0:,} to {high:,}"
    elif low is not None:
        words += f" from {low:,}"
    if "maxLength" in schema:
        words += f" of at most {schema['maxLength']:,} characters"
    return words + (f"; default `{json.dumps(schema['default'])}`" if "default" in schema else "")


def _example(content: Mapping[str, Any]) -> str:
    named = content.get("examples", {})
    example = next((named[name]["value"] for name in named), content.get("example"))
    return json.dumps(example, ensure_ascii=False)


def _line(text: str) -> str:
    """Text as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_line(part) for part in text.split("\n\n"))


def export_tables() -> str:
    """The tables of an export: their keys, and what each column means."""
    parts = []
    for item in export_schema.TABLES:
        references = f" References {code(item.references)}." if item.references else ""
        rows = (
            (f"`{column.name}`", column.kind, "yes" if column.nullable else "", _line(column.meaning))
            for column in item.columns
        )
        parts.append(f"## `{item.name}`\n\n{item.meaning}. Key: {code(item.key)}.{references}\n")
        parts.append(table(("column", "type", "may be null", "meaning"), rows))
        for column in item.columns:
            if column.values:
                values = ((f"`{value}`", _line(meaning)) for value, meaning in column.values)
                parts.append(f"`{column.name}` is one of:\n")
                parts.append(table(("value", "meaning"), values))
    return "\n".join(parts)


def export_checks() -> str:
    """The invariants of an export, by the table whose rows violate them."""
    invariants = export_invariants.load()
    parts = [f"There are {len(invariants)} of them.\n"]
    for name in export_schema.NAMES:
        rows = (
            (f"`{invariant.name}`", _line(invariant.equation))
            for invariant in invariants
            if invariant.tables[0] == name
        )
        parts.append(f"## `{name}`\n")
        parts.append(table(("check", "what holds"), rows))
    return "\n".join(parts)


def export_diagram() -> str:
    """The tables of an export with their keys and references, as an entity relationship diagram."""
    lines = ["```mermaid", "erDiagram"]
    for item in export_schema.TABLES:
        keys = [column for column in item.columns if column.name in item.key]
        lines += [f"    {item.name} {{", *(f"        {key.kind} {key.name} PK" for key in keys), "    }"]
        lines += [f"    {other} ||--o{{ {item.name} : has" for other in item.references]
    return "\n".join([*lines, "```"]) + "\n"


def agent_tools() -> str:
    """The tools for agents: the operations that each calls, and what those do in a few words."""
    described = operations_by_id(control_description.load())
    rows = (
        (
            f"`{tool.name}`",
            code(tool.operation_ids),
            ", ".join(described[operation_id].node["summary"].lower() for operation_id in tool.operation_ids),
        )
        for tool in TOOLS
    )
    return table(("tool", "operation", "does"), rows)


def agent_errors() -> str:
    """The errors of the MCP endpoint."""
    rows = ((str(row.code), str(row.status), row.when) for row in agent_protocol.TABLE)
    return table(("code", "HTTP status", "when"), rows)


def not_judged() -> str:
    """What the conformance suite does not judge, and how it knows."""
    rows = ((f"`{name}`", text, known_by) for name, (text, known_by) in evidence.REASONS.items())
    return table(("reason", "not judged, because", "known by"), rows)


def fault_effects() -> str:
    """The effects of fault rules, in the order in which they act."""
    rows = (
        (code(kind.schema()), kind.on_the_wire, code(effects.conflicts(kind))) for kind in effects.EFFECTS
    )
    return table(("effect", "on the wire", "not together with"), rows)


def code(words: Iterable[str]) -> str:
    """Words in the type of code, with commas."""
    return ", ".join(f"`{word}`" for word in words)


def control_source() -> str:
    """control.yaml with the names of the scenarios and the schema of the effects of fault rules."""
    names = yaml.safe_dump([item.name for item in scenarios.load()], width=88, default_flow_style=True)
    effect = yaml.safe_dump({"Effect": effects.schema()}, sort_keys=False, width=1_000, allow_unicode=True)
    text = control_description.SOURCE.read_text("utf-8")
    for depth, name, generated in ((12, "scenario names", f"enum: {names}"), (4, "Effect", effect)):
        margin = " " * depth
        begin, end = f"{margin}# generated: {{}}\n", f"{margin}# end\n"
        text = replace(text, name, indent(generated, margin), begin=begin, end=end)
    return text


def scenario_table() -> str:
    """The scenarios, by dashboard state."""
    rows = (
        (item.number, f"`{item.name}`", item.shows, ", ".join(f"`{name}`" for name in item.operations))
        for item in scenarios.load()
    )
    return table(("state", "name", "shows", "on"), rows)


def persona_table() -> str:
    """The shipped personas."""
    loaded = (personas.load(name) for name in personas.names())
    rows = ((f"`{item.name}`", ", ".join(map(str, item.states)), item.shows) for item in loaded)
    return table(("persona", "dashboard states", "shows"), rows)


def persona_keys() -> str:
    """Every key of a persona file."""
    rows = ((f"`{row.key}`", row.expected, row.default, row.description) for row in key_rows())
    return table(("key", "expected", "default", "meaning"), rows)


def population_keys() -> str:
    """Every key of a population file."""
    rows = (
        (f"`{row.key}`", row.expected, row.default, row.description)
        for row in key_rows(POPULATION_SCHEMA.root)
    )
    return table(("key", "expected", "default", "meaning"), rows)


def persona_contradictions() -> str:
    """What the keys of a persona must agree on."""
    rows = ((f"`{dotted(rule.path)}`", rule.problem) for rule in RULES)
    return table(("key", "rule"), rows)


def invariants() -> str:
    """The invariants that tie the thirteen responses together."""
    rows = ((row.number, row.name, row.equation, "" if row.firm else "normally") for row in INVARIANTS)
    return table(("number", "name", "equation", "holds"), rows)


def assumptions() -> str:
    """The actions of the assumed layer, each with its reason."""
    actions = composition.actions(composition.HERE / "layers" / "assumed.overlay.yaml")
    return table(("where", "what", "why"), map(_assumption, actions))


def _assumption(action: Mapping[str, Any]) -> tuple[str, str, str]:
    target, update, reason = action["target"], action["update"], action["x-reason"]
    if target == "$.components":
        parts = (f"{kind[:-1]} `{name}`" for kind, part in update.items() for name in part)
        return ", ".join(parts), "defined", reason
    if target == "$.paths":
        lines = (f"`{operation.line}`" for operation in operations({"paths": update}))
        return ", ".join(lines), "defined", reason
    if target.startswith("$.components.schemas."):
        schema = target.removeprefix("$.components.schemas.").replace(".properties.", ".")
        return f"`{schema}`", _added(update), reason
    paths, method = re.findall(r"'(/[^']*)'", target), re.findall(r"\.(get|post)", target)[0].upper()
    where = ", ".join(f"`{path}`" for path in paths) if len(paths) <= 5 else f"{len(paths)} operations"
    inside = re.sub(r".*\.(get|post)", "", target).strip(".") or "operation"
    return f"{method} {where}: {inside}", _added(update), reason


def _added(update: Any) -> str:
    if isinstance(update, list):
        names = (item.get("name") or item["$ref"].rsplit("/", 1)[1] for item in update)
        return ", ".join(f"`{name}`" for name in names)
    for member in ("parameters", "headers"):
        if member in update:
            return _added(update[member])
    return ", ".join(f"`{key}`" for key in update)


TABLES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "http-errors": ("errors.md", error_table(http_errors.TABLE)),
    "auth-errors": ("errors.md", error_table(auth_errors.ERRORS)),
    "billing-errors": ("errors.md", error_table(api_errors.ROWS.values())),
    "control-errors": ("errors.md", error_table(control_errors.TABLE)),
    "journal-errors": ("errors.md", error_table(journal_handlers.TABLE)),
    "fault-errors": ("errors.md", error_table(fault_errors.TABLE)),
    "page-errors": ("errors.md", error_table(page_errors.TABLE)),
    "beside-errors": ("errors.md", error_table(beside_errors.TABLE)),
    "store-errors": ("errors.md", error_table(store_errors.TABLE)),
    "bad-tokens": ("auth.md", bad_tokens),
    "api-operations": ("api.md", lambda: operation_pages(composition.compose().document)),
    "commands": ("commands.md", commands),
    "control-operations": (
        "control-operations.md",
        lambda: operation_pages(yaml.safe_load(control_source())),
    ),
    "export-tables": ("export-tables.md", export_tables),
    "export-checks": ("export-checks.md", export_checks),
    "export-diagram": ("export.md", export_diagram),
    "agent-errors": ("agents.md", agent_errors),
    "agent-tools": ("agents.md", agent_tools),
    "not-judged": ("conformance.md", not_judged),
    "fault-effects": ("faults.md", fault_effects),
    "scenarios": ("scenarios.md", scenario_table),
    "personas": ("personas.md", persona_table),
    "persona-keys": ("personas.md", persona_keys),
    "population-keys": ("population.md", population_keys),
    "persona-contradictions": ("personas.md", persona_contradictions),
    "assumptions": ("assumptions.md", assumptions),
    "invariants": ("invariants.md", invariants),
}
"""The name of a table, the page it stands in, and what writes it."""


def files() -> Iterator[tuple[Path, bytes]]:
    """Every generated file, and every page with generated tables, as each has to be."""
    for name, content in composition.compose().files().items():
        yield OPENAPI / name, content
    source = control_source()
    yield control_description.SOURCE, source.encode()
    yield control_description.TWIN, control_description.twin(source).encode()
    yield DOCS / "rules.md", registry.text().encode()
    pages = {page: (DOCS / page).read_text("utf-8") for page, _ in TABLES.values()}
    for name, (page, render) in TABLES.items():
        pages[page] = replace(pages[page], name, render())
    for page, text in pages.items():
        yield DOCS / page, text.encode()


def replace(
    page: str, name: str, text: str, *, begin: str = "<!-- generated: {} -->\n", end: str = "<!-- end -->\n"
) -> str:
    """The page with the text between the marks of a name; raises ValueError when a mark is missing."""
    begin = begin.format(name)
    before, begins, rest = page.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends):
        raise ValueError(f"no marks for the table {name}")
    return f"{before}{begin}{text}{end}{after}"


def types_are_stale() -> bool:
    """Whether the types of the example dashboard are missing, or were made of another API description."""
    if not TYPES.exists():
        return True
    text = composition.dump(composition.described_facts())
    return hashlib.sha256(text.encode()).hexdigest() not in TYPES.read_text("utf-8")


def write_types() -> None:
    """Let the example dashboard generate its types; raises OSError or CalledProcessError when npm cannot."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is needed: install Node.js")
    if not (DASHBOARD / "node_modules" / "openapi-typescript").exists():
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel", "error"], cwd=DASHBOARD, check=True)
    command = str(Path(sys.executable).with_name("orgbilling"))
    environment = os.environ | {"ORGBILLING_COMMAND": command}
    subprocess.run([npm, "run", "--silent", "generate"], cwd=DASHBOARD, check=True, env=environment)


def main() -> int:
    """Write what is stale, or list it with `--check`; the exit status."""
    check = "--check" in sys.argv[1:]
    stale = {path: content for path, content in files() if not path.exists() or path.read_bytes() != content}
    for path, content in stale.items():
        if not check:
            path.write_bytes(content)
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
    types = types_are_stale()
    if types:
        if not check:
            try:
                write_types()
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"stale: {TYPES.relative_to(ROOT)}: {error}", file=sys.stderr)
                return 1
        print(f"{'stale' if check else 'written'}: {TYPES.relative_to(ROOT)}")
    return 1 if check and (stale or types) else 0


if __name__ == "__main__":
    sys.exit(main())

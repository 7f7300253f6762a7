"""The reference page and the landing page: one HTML document each, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any

import orjson
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import METHODS

_CODE = re.compile(r"`([^`]+)`")


def _document(title: str, body: str) -> str:
    style = files("orgbilling_stubs.http").joinpath("page.css").read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{style}</style></head>'
        f"<body>{body}</body></html>"
    )


def landing(contract: Mapping[str, Any], prefix: str) -> str:
    """A few links, for whoever opens the root in a browser."""
    title = str(contract["info"].get("title", "API"))
    rows = (
        (f"{prefix}/docs", "Reference", "every operation, its parameters, bodies and answers"),
        (f"{prefix}/openapi.json", "OpenAPI 3.1", "the contract as JSON"),
        (f"{prefix}/openapi.yaml", "OpenAPI 3.1", "the contract as YAML"),
        (f"{prefix}/openapi-3.0.json", "OpenAPI 3.0", "for tools that need it"),
        ("/healthz", "Health", "answers 200 while the server runs"),
    )
    links = "".join(
        f'<li><a href="{escape(href)}">{escape(href)}</a> <b>{name}</b>: {about}</li>'
        for href, name, about in rows
    )
    words = "<p>A stand-in for the real service, running here.</p>"
    return _document(title, f"<main class=narrow><h1>{escape(title)}</h1>{words}<ul>{links}</ul></main>")


def reference(contract: Mapping[str, Any], prefix: str) -> str:
    """The reference of a contract."""
    info = contract["info"]
    title = str(info.get("title", "API"))
    operations = list(_operations(contract))
    links = "".join(
        f'<li><a href="#{escape(_anchor(method, path, operation))}">{_badge(method)} '
        f"{escape(str(operation.get('summary', path)))}</a></li>"
        for method, path, operation in operations
    )
    sections = "".join(_section(contract, prefix, *each) for each in operations)
    schemas = contract.get("components", {}).get("schemas", {})
    models = "".join(_model(contract, name, schemas[name]) for name in sorted(schemas))
    return _document(
        title,
        '<a class=skip href="#main">Skip to the operations</a><div class=page>'
        f'<nav aria-label="Operations"><p class=brand>{escape(title)}</p><ul>{links}'
        '<li><a href="#schemas">Schemas</a></li></ul></nav>'
        f'<main id="main"><header><h1>{escape(title)}</h1><p class=meta>Version '
        f"{escape(str(info.get('version', '')))}, served at <code>{escape(prefix or '/')}</code>. "
        f'<a href="{prefix}/openapi.json">JSON</a> <a href="{prefix}/openapi.yaml">YAML</a> '
        f'<a href="{prefix}/openapi-3.0.json">3.0</a></p>{_prose(info.get("description"))}</header>'
        f'{sections}<section id="schemas"><h2>Schemas</h2>{models}</section></main></div>',
    )


def _operations(contract: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, node in contract.get("paths", {}).items():
        item = follow(contract, node)
        for method in METHODS:
            if method in item:
                shared = item.get("parameters", [])
                operation = item[method]
                yield method, path, {**operation, "parameters": [*operation.get("parameters", []), *shared]}


def _section(
    contract: Mapping[str, Any], prefix: str, method: str, path: str, operation: Mapping[str, Any]
) -> str:
    anchor = escape(_anchor(method, path, operation))
    summary = escape(str(operation.get("summary") or operation.get("operationId") or path))
    parts = [
        f'<section id="{anchor}" aria-labelledby="{anchor}-title"><h2 id="{anchor}-title">'
        f'<a href="#{anchor}">{summary}</a></h2>'
        f"<p class=route>{_badge(method)} <code>{escape(prefix + path)}</code></p>"
        f"{_prose(operation.get('description'))}",
        _parameters(contract, operation["parameters"]),
    ]
    if "requestBody" in operation:
        body = follow(contract, operation["requestBody"])
        parts.append("<h3>Body</h3>" + "".join(_content(contract, body.get("content", {}))))
    parts.append("<h3>Answers</h3><dl>")
    for status, node in sorted(operation.get("responses", {}).items()):
        answer = follow(contract, node)
        about = _inline(answer.get("description", ""))
        content = "".join(_content(contract, answer.get("content", {}), details=str(status) == "200"))
        code = f'<span class="status s{str(status)[:1]}">{escape(str(status))}</span>'
        parts.append(f"<dt>{code}</dt><dd>{about}{content}</dd>")
    return "".join(parts) + "</dl></section>"


def _parameters(contract: Mapping[str, Any], declared: list[Any]) -> str:
    if not declared:
        return ""
    rows = []
    for node in declared:
        each = follow(contract, node)
        schema = follow(contract, each.get("schema", {}))
        rows.append(
            f"<tr><th scope=row><code>{escape(each['name'])}</code>{_star(each.get('required'))}</th>"
            f"<td>{escape(each['in'])}</td><td>{_type(contract, schema)}</td>"
            f"<td>{_inline(each.get('description') or schema.get('description', ''))}</td></tr>"
        )
    return (
        "<h3>Parameters</h3><div class=wide><table><thead><tr><th scope=col>Name<th scope=col>In"
        "<th scope=col>Type<th scope=col>Meaning</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _content(
    contract: Mapping[str, Any], content: Mapping[str, Any], *, details: bool = True
) -> Iterator[str]:
    for media, declared in content.items():
        yield f"<p class=media><code>{escape(media)}</code> {_type(contract, declared.get('schema', {}))}</p>"
        examples = [each.get("value") for each in declared.get("examples", {}).values() if "value" in each]
        if "example" in declared:
            examples.insert(0, declared["example"])
        if examples and details:
            text = orjson.dumps(examples[0], option=orjson.OPT_INDENT_2).decode()
            yield f"<pre tabindex=0><code>{escape(text)}</code></pre>"


def _model(contract: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><th scope=row><code>{escape(member)}</code>{_star(member in required)}</th>"
        f"<td>{_type(contract, each)}</td>"
        f"<td>{_inline(each.get('description', '')) if isinstance(each, Mapping) else ''}</td></tr>"
        for member, each in schema.get("properties", {}).items()
    )
    table = (
        "<div class=wide><table><thead>"
        "<tr><th scope=col>Member<th scope=col>Type<th scope=col>Meaning</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
        if rows
        else f"<p>{_type(contract, schema)}</p>"
    )
    about = _prose(schema.get("description"))
    return f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>{about}{table}</article>'


def _type(contract: Mapping[str, Any], schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "anything"
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    named = schema.get("type", "anything")
    kinds = [named] if isinstance(named, str) else list(named)
    if "array" in kinds and "items" in schema:
        text = "list of " + _type(contract, schema["items"])
    elif isinstance(schema.get("additionalProperties"), Mapping):
        text = "map of " + _type(contract, schema["additionalProperties"])
    else:
        text = escape(str(schema.get("format") or next(iter(kinds), "anything")))
    return text + (" or null" if "null" in kinds else "") + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    found = []
    if "minimum" in schema or "maximum" in schema:
        found.append(f"{schema.get('minimum', '')} to {schema.get('maximum', '')}".strip())
    if "default" in schema:
        found.append(f"default {schema['default']}")
    choices = schema.get("enum", ())
    if choices:
        shown = ", ".join(str(each) for each in choices[:12])
        found.append(shown + (f", … ({len(choices)} in all)" if len(choices) > 12 else ""))
    return f" <small>{escape('; '.join(found))}</small>" if found else ""


def _prose(text: Any) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in str(text or "").split("\n\n") if part.strip())


def _inline(text: Any) -> str:
    """One line of a description: escaped, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(str(text)))


def _badge(method: str) -> str:
    return f'<span class="method {method}">{method.upper()}</span>'


def _star(required: Any) -> str:
    return ' <abbr title="required">*</abbr>' if required else ""


def _anchor(method: str, path: str, operation: Mapping[str, Any]) -> str:
    return str(operation.get("operationId") or f"{method}{path}".replace("/", "-"))

"""The names of modules and public classes are made of the glossary's nouns and of plain words."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("openapi", "fixtures", "conformance", "stubs", "clients/python")

BESIDE_NOUNS = frozenset(
    """
    active added adjusted allowed applicable applied automatic bad broken cancelled changed cleared
    compiled completed created declared declined decoding deferred deleted described disconnected documented
    duplicate encoded expired external extreme failed faulted filed fired forbidden foreign harmless
    hashing high hosted incoming injected invalid issued lazy marked missing not offered opened
    paid partial partitioned past periodic proxied public random reading recorded redacting redeemed refunded
    refused rejected
    removed rendering repeated resumed rewound routing selected sent serialized settled shared shown signed
    signing single skipped stale stopped strict subscribed suspended taken templating top
    undocumented unknown unreachable uploaded unreadable unverified verified writing

    adjust advance apply cancel change check clear compare compile conform decide decline decode deliver
    drift drip expire explain export fork fuzz hang have issue mark offer open parse pay read record
    redeem refund replay reset resume rewind serve set show sign subscribe take truncate verify walk
    write

    any in late no now of on to up with
    """.split()  # noqa: SIM905 -- a list of words reads better without quotes
)
"""Adjectives, verbs and short words, which need no explanation."""


def words(name: str) -> list[str]:
    """The words of `snake_case` or `CamelCase`, in lower case and in the singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+", name)
    return [singular(part.lower()) for part in parts if not part.isdigit()]


def singular(word: str) -> str:
    """A noun without the ending of its plural."""
    if word in ("personas", "schemas"):
        return word[:-1]
    if word == "series":
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is", "as")) else word


def glossary() -> set[str]:
    """The words of the terms."""
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    terms = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    whole = {singular(word.lower()) for term in terms for word in re.findall(r"[A-Za-z]+", term)}
    return whole | {word for term in terms for word in words(term)}


def names() -> dict[str, list[str]]:
    """The names of modules and public classes, by file."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            relative = path.relative_to(ROOT / package)
            found[str(relative)] += [part for part in relative.with_suffix("").parts[1:] if part[0] != "_"]
            tree = ast.parse(path.read_text("utf-8"))
            classes = (node.name for node in tree.body if isinstance(node, ast.ClassDef))
            found[str(relative)] += [name for name in classes if not name.startswith("_")]
    return found


def test_every_noun_is_in_the_glossary() -> None:
    explained_words = glossary() | BESIDE_NOUNS
    unexplained = defaultdict(set)
    for path, in_file in names().items():
        for name in in_file:
            for word in words(name):
                if word not in explained_words:
                    unexplained[word].add(f"{name} ({path})")
    assert dict(unexplained) == {}, "add the noun to docs/glossary.md"


def test_every_term_has_one_line() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    first_cells = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    terms = [cell for cell in first_cells if cell not in ("term", "---")]
    assert len(terms) == len(set(terms))


def test_the_terms_of_a_section_are_sorted() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    for section in page.split("\n## ")[1:]:
        terms = [term.lower() for term in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)[2:]]
        assert terms == sorted(terms), section.partition("\n")[0]


def test_words_are_split_and_singular() -> None:
    assert words("CheckoutSettingsSet") == ["checkout", "setting", "set"]
    assert words("usage_series") == ["usage", "series"]
    assert words("log_branches") == ["log", "branch"]

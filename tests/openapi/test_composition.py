from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_openapi import check, composition, description, json_pointer
from orgbilling_openapi.composition import HERE, LAYERS, LayerError


def test_the_checked_in_files_are_what_the_layers_compose_to_and_valid() -> None:
    assert check.problems(composition.compose()) == []


def merge(node: Any, value: Any) -> None:
    """The update of Overlay 1.0, as its text has it."""
    if isinstance(node, list):
        node.extend(value if isinstance(value, list) else [value])
        return
    for key, item in copy.deepcopy(value).items():
        if key in node and isinstance(node[key], dict | list) and isinstance(item, type(node[key])):
            merge(node[key], item)
        else:
            node[key] = item


def test_another_implementation_composes_the_same() -> None:
    """The layers are plain Overlay 1.0 with plain JSONPath: they need nothing of ours."""
    from jsonpath_ng.parser import JsonPathParser

    document = composition.read(HERE / "layers" / "documented.yaml")
    for layer in LAYERS[1:]:
        for action in composition.actions(HERE / "layers" / f"{layer}.overlay.yaml"):
            for match in reversed(JsonPathParser().parse(action["target"]).find(document)):
                if "update" in action:
                    merge(match.value, action["update"])
                else:
                    match.full_path.filter(lambda _: True, document)
    assert document == description.load()


def test_the_yaml_says_what_the_json_says() -> None:
    assert yaml.load((HERE / "org-billing.yaml").read_text(), Loader=yaml.CSafeLoader) == description.load()


def nodes(node: Any, path: json_pointer.Path = ()) -> list[json_pointer.Path]:
    return [
        path,
        *(place for key, child in json_pointer.children(node) for place in nodes(child, (*path, key))),
    ]


def test_no_layer_takes_a_fact_back() -> None:
    """Whatever the vendor says is in the contract, unchanged."""
    facts, ours = composition.vendor_facts(), description.load()
    words = ("description", "title", "version")
    for path in nodes(facts):
        value = json_pointer.find(facts, json_pointer.text(path))
        if not isinstance(value, dict | list) and path[-1] not in words:
            assert json_pointer.find(ours, json_pointer.text(path)) == value, path


def test_facts_come_from_facts() -> None:
    """The origins agree with the layers: what facts hold is a fact, everything else is not."""
    facts = {json_pointer.text(path) for path in nodes(composition.vendor_facts())}
    for path in nodes(description.load()):
        place = json_pointer.text(path)
        if place not in facts:
            assert description.origins().of(place).layer in ("assumed", "descriptions"), place
        elif path and path[-1] not in ("description", "title", "version"):
            assert description.origins().of(place).fact, place


@pytest.mark.parametrize(
    ("place", "layer"),
    [
        ("#/paths/~1org~1ledger/get", "documented"),
        ("#/paths/~1org~1ledger/get/operationId", "published"),
        ("#/paths/~1org~1ledger/get/parameters/0/schema/maximum", "documented"),
        ("#/paths/~1org~1ledger/get/parameters/0/explode", "published"),
        ("#/paths/~1org~1ledger/get/summary", "descriptions"),
        ("#/paths/~1org~1ledger/get/responses/401", "assumed"),
        ("#/components/schemas/ContractPayment/properties/amountUsd/format", "documented"),
        ("#/components/schemas/ContractPayment/properties/period/pattern", "assumed"),
        ("#/components/schemas/ContractPayment/required", "published"),
        ("#/components/schemas/OrgBillingCheckoutInputBody/properties/currency/type", "published"),
        ("#/components/schemas/OrgBillingCheckoutInputBody/properties/currency/pattern", "assumed"),
        ("#/components/schemas/TenantBillingProfile/properties/billingMode/enum/1", "assumed"),
        ("#/components/schemas/OrgBillingCheckoutInputBody/properties/amount/format", "published"),
        ("#/components/schemas/OrgBillingCheckoutInputBody/required/0", "documented"),
    ],
)
def test_a_node_knows_its_layer(place: str, layer: str) -> None:
    json_pointer.find(description.load(), place)
    assert description.origins().of(place).layer == layer


def test_every_assumption_has_its_reason() -> None:
    for path in nodes(description.load()):
        origin = description.origins().of(json_pointer.text(path))
        assert bool(origin.reason) == (origin.layer == "assumed"), path


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE / "layers", tmp_path / "layers"))


def append(layers: Path, name: str, text: str) -> None:
    with (layers / f"{name}.overlay.yaml").open("a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("layer", "text", "problem"),
    [
        ("published", "\n- target: $.nowhere\n  update: {a: 1}\n", "nothing matches"),
        ("assumed", "\n- target: $.info\n  update: {a: 1}\n", "has no x-reason"),
        ("descriptions", "\n- target: $..info\n  update: {a: 1}\n", "not understood"),
        ("descriptions", "\n- target: [\n", "descriptions.overlay.yaml"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(layers: Path, layer: str, text: str, problem: str) -> None:
    append(layers, layer, text)
    with pytest.raises(LayerError, match=problem) as caught:
        composition.compose(layers)
    assert layer in str(caught.value)


def test_a_layer_of_another_kind_is_rejected(layers: Path) -> None:
    (layers / "descriptions.overlay.yaml").write_text("overlay: 2.0.0\nactions: []\n")
    with pytest.raises(LayerError, match="not an OpenAPI Overlay"):
        composition.compose(layers)
    (layers / "descriptions.overlay.yaml").write_text("- 1\n")
    with pytest.raises(LayerError, match="not a mapping"):
        composition.compose(layers)
    (layers / "descriptions.overlay.yaml").unlink()
    with pytest.raises(LayerError, match="descriptions"):
        composition.compose(layers)


def test_a_change_of_a_layer_makes_the_files_stale(layers: Path) -> None:
    append(layers, "descriptions", "\n- target: $.info\n  update: {title: Other}\n")
    assert [line.split()[0] for line in check.stale_files(composition.compose(layers), HERE)] == [
        "org-billing.yaml",
        "org-billing.json",
    ]

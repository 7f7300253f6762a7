"""The description of the control API: written by hand in control.yaml, read from its JSON twin."""

from __future__ import annotations

import json
from pathlib import Path

from orgbilling_openapi.strict_json import JsonObject

HERE = Path(__file__).parent
SOURCE = HERE / "control.yaml"
TWIN = HERE / "control.json"


def load() -> JsonObject:
    """The description of the control API, as a fresh dictionary that the caller may change."""
    document: JsonObject = json.loads(TWIN.read_bytes())
    return document


def twin(source: str | None = None) -> str:
    """The text that control.json must have. source: the text of control.yaml, if not the one on disk."""
    import yaml  # late: a server reads the twin

    document = yaml.safe_load(SOURCE.read_text("utf-8") if source is None else source)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TWIN.write_text(twin(), "utf-8")

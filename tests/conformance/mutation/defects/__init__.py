"""The defects, by area. Each was written down before the rule that is to catch it."""

from __future__ import annotations

from . import authentication, errors, isolation, robustness, schemas, semantics, validation, writes

AREAS = (schemas, validation, errors, authentication, isolation, semantics, writes, robustness)
DEFECTS = tuple(defect for area in AREAS for defect in area.DEFECTS)
BY_NAME = {defect.name: defect for defect in DEFECTS}

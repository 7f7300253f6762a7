"""The conformance suite: whether an implementation of the Org Billing API keeps its description."""

from orgbilling_conformance.conform import conform
from orgbilling_conformance.options import UsageError
from orgbilling_conformance.reports.report import Finding, Report, SkippedRule, Stage

__all__ = ["Finding", "Report", "SkippedRule", "Stage", "UsageError", "conform"]

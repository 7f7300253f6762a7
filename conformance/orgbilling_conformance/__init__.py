"""The judge: whether an implementation of the Org Billing API keeps the contract."""

from orgbilling_conformance.conform import conform
from orgbilling_conformance.report import Finding, Report, Skipped, Stage
from orgbilling_conformance.usage import UsageError

__all__ = ["Finding", "Report", "Skipped", "Stage", "UsageError", "conform"]

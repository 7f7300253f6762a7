"""The real API beside the stub: what is sent there, and what is known of it so far."""

from __future__ import annotations

from pathlib import Path

from orgbilling_conformance.observation import Observation
from orgbilling_conformance.reports.report import Report
from orgbilling_openapi.http_client import CertificateOptions

from orgbilling_stubs.beside.comparison import StubComparison
from orgbilling_stubs.beside.gateway import Gateway
from orgbilling_stubs.beside.observation_process import ObservationProcess, observation_of
from orgbilling_stubs.beside.settings import BesideMode, BesideSettings
from orgbilling_stubs.beside.traffic import TrafficObserver
from orgbilling_stubs.beside.upstream import Upstream


class RealApi:
    """Everything about the real API beside one stub.

    dialect: how it is known to speak. gateway: the step that lets it answer. Raises
    `http_client.NetworkError` for certificates that cannot be read.
    """

    def __init__(
        self, settings: BesideSettings, certificates: CertificateOptions, dialect: Path | None = None
    ) -> None:
        self.settings = settings
        self._dialect = dialect
        self.observer = TrafficObserver(observation_of(settings.base, dialect))
        self._upstream = Upstream(settings, certificates)
        self.comparison = StubComparison(settings, self._upstream, self.observer)
        compared = self.comparison.compare if settings.mode is BesideMode.COMPARE else None
        self.gateway = Gateway(settings, self._upstream, self.observer, compared)

    @property
    def observation(self) -> Observation | ObservationProcess:
        """What it has answered, and what is wrong with that."""
        return self.observer.observation

    def judge_apart(self) -> ObservationProcess:
        """Judge in a process of its own, from the beginning; whoever calls this closes it. Raises OSError."""
        process = ObservationProcess(self.settings.base, self._dialect)
        self.observer.observation = process
        return process

    def report(self) -> Report:
        """The report on everything that was observed so far."""
        return self.observation.report(self.settings.mode.value)

    async def close(self) -> None:
        """Close the connections to it."""
        await self._upstream.close()

"""Calls of the control API, with its errors as exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx
    from orgbilling_openapi.strict_json import JsonObject

PREFIX = "/_mock/v1"


class ControlError(Exception):
    """The server refuses a call.

    status: of the HTTP response. detail: what is wrong, in one line (docs/errors.md has all of them). errors:
    the findings by place, such as `{"location": "body.scenario", "message": …}`.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        try:
            problem = response.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            problem = {"detail": f"{response.request.url} answers with no problem document"}
        self.detail: str = problem.get("detail", "")
        self.errors: list[JsonObject] = problem.get("errors") or []
        findings = "; ".join(f"{finding['location']}: {finding['message']}" for finding in self.errors)
        super().__init__(f"{self.status}: {findings or self.detail}")


class ControlApi:
    """The control API behind an HTTP client whose `base_url` is the server's."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] = MappingProxyType({}),
    ) -> JsonObject:
        """The response to a call, `{}` where it has no content.

        path: below `/_mock/v1`. Members of `body` and parameters of `query` that are None are left out.
        Raises ControlError for an error of the server, and httpx.HTTPError when there is no answer.
        """
        sent = None if body is None else {name: value for name, value in body.items() if value is not None}
        parameters = {name: str(value) for name, value in query.items() if value is not None}
        response = self.http.request(method, PREFIX + path, json=sent, params=parameters)
        if not response.is_success:
            raise ControlError(response)
        content: JsonObject = response.json() if response.content else {}
        return content


def path_segment(name: str) -> str:
    """A name as a segment of a path; `*` stays, it stands for all organizations."""
    return quote(name, safe="*")

"""One operation of the API description, compiled: everything that can be known at start-up is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.auth.authorization import READ_METHODS
from orgbilling_stubs.http.context import AnyReply, Handler, RequestContext, Response
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.parameters import Parameters
from orgbilling_stubs.http.request_body import RequestBody
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.http.responses import DescribedResponses, Responder
from orgbilling_stubs.http.security import required_schemes


@dataclass(frozen=True, slots=True)
class CompileContext:
    """What all operations of a server are compiled with. lazily: each with its first request."""

    responder: Responder
    schemas: Schemas
    lenient: bool = False
    assisted: bool = False
    fitter: ResponseFitter | None = None
    lazily: bool = False


class ConnexionOperation(Protocol):
    """An operation as Connexion's loader has it: what is used of it."""

    operation_id: str
    method: str
    path: str
    security: Sequence[Mapping[str, Sequence[str]]] | None
    parameters: Sequence[JsonObject]
    request_body: JsonObject
    responses: Mapping[str, JsonObject]
    function: Handler


class Operation:
    """An operation and what the pipeline needs to serve it.

    Parameters, body and responses are compiled when they are first needed: most of a wide description, whose
    operations have no handler, never are. `compile` does it at once.
    """

    def __init__(
        self, described: ConnexionOperation, handler: Handler, compiled_with: CompileContext
    ) -> None:
        self.operation_id = described.operation_id
        self.method = described.method.upper()
        self.path = described.path
        self.safe = self.method in READ_METHODS
        self.handler = handler
        self.security = required_schemes(described.security)
        self._described = described
        self._with = compiled_with

    @cached_property
    def parameters(self) -> Parameters:
        """What reads its parameters."""
        compiled_with = self._with
        return Parameters(
            self._described.parameters,
            compiled_with.schemas,
            lenient=compiled_with.lenient,
            assisted=compiled_with.assisted,
        )

    @cached_property
    def request_body(self) -> RequestBody | None:
        """What reads its request body; None when it has none."""
        described = self._described.request_body
        if not described:
            return None
        compiled_with = self._with
        return RequestBody(
            described, compiled_with.schemas, lenient=compiled_with.lenient, assisted=compiled_with.assisted
        )

    @cached_property
    def responses(self) -> DescribedResponses:
        """Its responses."""
        return DescribedResponses(
            self.operation_id,
            self._described.responses,
            self._with.schemas,
            self._with.responder.prefix,
            self.safe,
            self._with.fitter,
        )

    def compile(self) -> None:
        """Compile it whole. Raises `LookupError` or `ValueError` for a broken reference or schema."""
        _ = self.parameters, self.request_body, self.responses

    def respond(self, context: RequestContext, reply: AnyReply) -> Response:
        """The response for a reply: validated against the description, then serialized."""
        response = self.responses.serialize(context, reply)
        self._with.responder.finish(context.headers, response.headers)
        return response

    def problem(self, context: RequestContext, error: Exception) -> Response:
        """The problem document for an error, which becomes the error of the exchange."""
        context.error = error
        responder = self._with.responder
        response = responder.problem(error, context.public_url, context.trace_id)
        responder.finish(context.headers, response.headers)
        return response

    def finish(self, context: RequestContext, response: Response) -> None:
        """Add what every response carries to one that another server has given."""
        self._with.responder.finish(context.headers, response.headers)

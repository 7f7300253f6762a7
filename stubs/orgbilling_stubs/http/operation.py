"""One operation of the API description, compiled: everything that can be known at start-up is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class CompiledParts:
    """What reads the parameters of an operation and its request body (None when it has none), and writes its
    responses.
    """

    parameters: Parameters
    request_body: RequestBody | None
    responses: DescribedResponses


class Operation:
    """An operation and what the pipeline needs to serve it.

    parts: compiled when they are first needed: most of a wide description, whose operations have no handler,
    never are. `compile` does it at once.
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
        self.parts: CompiledParts | None = None

    def compile(self) -> CompiledParts:
        """Compile its parts. Raises `LookupError` or `ValueError` for a broken reference or schema."""
        described, compiled_with = self._described, self._with
        schemas, lenient, assisted = compiled_with.schemas, compiled_with.lenient, compiled_with.assisted
        body = described.request_body
        self.parts = CompiledParts(
            Parameters(described.parameters, schemas, lenient=lenient, assisted=assisted),
            RequestBody(body, schemas, lenient=lenient, assisted=assisted) if body else None,
            DescribedResponses(
                self.operation_id,
                described.responses,
                schemas,
                compiled_with.responder.prefix,
                self.safe,
                compiled_with.fitter,
            ),
        )
        return self.parts

    def respond(self, context: RequestContext, reply: AnyReply) -> Response:
        """The response for a reply: validated against the description, then serialized."""
        parts = self.parts or self.compile()
        response = parts.responses.serialize(context, reply)
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

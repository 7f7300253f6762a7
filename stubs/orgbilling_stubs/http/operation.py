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
class RequestReaders:
    """What reads the parameters of an operation and its request body (None when it has none)."""

    parameters: Parameters
    request_body: RequestBody | None


class Operation:
    """An operation and what the pipeline needs to serve it.

    readers, responses: compiled when they are first needed: most of a wide description, whose operations have
    no handler, never are. `compile` does it at once. They are two, because an operation without a handler is
    answered with a problem document where its responses cannot be compiled.
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
        self.readers: RequestReaders | None = None
        self.responses: DescribedResponses | None = None

    def compile(self) -> None:
        """Compile it whole. Raises `LookupError` or `ValueError` for a broken reference or schema."""
        self.compile_readers()
        self.compile_responses()

    def compile_readers(self) -> RequestReaders:
        """Compile what reads its requests. Raises as `compile` does."""
        schemas, lenient, assisted = self._with.schemas, self._with.lenient, self._with.assisted
        body = self._described.request_body
        self.readers = RequestReaders(
            Parameters(self._described.parameters, schemas, lenient=lenient, assisted=assisted),
            RequestBody(body, schemas, lenient=lenient, assisted=assisted) if body else None,
        )
        return self.readers

    def compile_responses(self) -> DescribedResponses:
        """Compile what writes its responses. Raises as `compile` does."""
        self.responses = DescribedResponses(
            self.operation_id,
            self._described.responses,
            self._with.schemas,
            self._with.responder.prefix,
            self.safe,
            self._with.fitter,
        )
        return self.responses

    def respond(self, context: RequestContext, reply: AnyReply) -> Response:
        """The response for a reply: validated against the description, then serialized."""
        responses = self.responses or self.compile_responses()
        response = responses.serialize(context, reply)
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

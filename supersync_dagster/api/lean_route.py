"""A route that is asked for so often that FastAPI's machinery would cost more than the work."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from supersync_dagster.api.deps import context_of, refuse_when_read_only


class LeanRoute(APIRoute):
    """A route whose function is `async`, takes `request` and perhaps a JSON `body`, and gives a `Response`.

    Its signature and its `dependencies` are declared as ever, for the OpenAPI document and for whoever looks for roles;
    but a request passes neither FastAPI's solving of dependencies nor its reading of bodies. A dependency here takes
    the request alone.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Ask the dependencies, read the body, call the function."""
        checks: list[Callable[[Request], Awaitable[Any]]] = [
            call for one in self.dependant.dependencies if (call := one.call) is not None
        ]
        endpoint = self.endpoint
        model: Any = self.body_field.field_info.annotation if self.body_field else None

        async def handle(request: Request) -> Response:
            await refuse_when_read_only(request, context_of(request))
            for check in checks:
                await check(request)
            response: Response = await (
                endpoint(request, read(model, await request.body())) if model else endpoint(request)
            )
            return response

        return handle


def read(model: type[BaseModel], body: bytes) -> BaseModel:
    """The body as the model. Raises RequestValidationError."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        mistakes = [
            {**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False, include_input=False)
        ]
        raise RequestValidationError(mistakes) from None

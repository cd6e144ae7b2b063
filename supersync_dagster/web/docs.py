"""`/api/docs`: the OpenAPI documents of all applications, one to choose, from our own files alone."""

import json

from fastapi import APIRouter, Depends, Request, Response

from supersync_core.domain.access import Role
from supersync_dagster.api.auth import require
from supersync_dagster.web.render import page

PATH = "/api/docs"

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=[Depends(require(Role.VIEWER))])
def read_docs(request: Request) -> Response:
    """The page."""
    # Beside /api/docs: below whatever prefix a proxy adds.
    documents = [
        {"name": title.removeprefix("supersync: "), "url": f"..{url}"} for title, url in request.app.state.documents
    ]
    return page(request, "docs.html", documents=json.dumps(documents))

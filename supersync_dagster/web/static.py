"""What the pages are drawn with, at addresses that hold the sum of the content, so that browsers keep it for good."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from supersync_dagster.api.auth import anyone

BELOW = "supersync/static"
_FOR_GOOD = "public, max-age=31536000, immutable"
_SMALL = 1_000
"""Bytes below which compressing is not worth it."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asset:
    """A file as it is sent. `packed`: the same compressed."""

    content: bytes
    packed: bytes | None
    media_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every file, by its path below `static/`."""
    return {path: _asset(path, file.read_bytes()) for path, file in _walk(files(__package__) / "static")}


def address(path: str) -> str:
    """The address of a file, relative to the root. Raises KeyError for one that is not there."""
    return f"{BELOW}/{assets()[path].digest}/{path}"


@router.get(f"/{BELOW}/{{digest}}/{{path:path}}", dependencies=[Depends(anyone)])
def read_static(digest: str, path: str, request: Request) -> Response:
    """A file. Another digest is that of another version, which a page of its server asks for: it gets ours, once."""
    asset = assets().get(path)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOR_GOOD if digest == asset.digest else "no-store", "Vary": "Accept-Encoding"}
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _asset(path: str, content: bytes) -> Asset:
    media_type = mimetypes.guess_type(path)[0] or "text/plain"
    packed = gzip.compress(content, mtime=0) if len(content) > _SMALL else None
    return Asset(content, packed, media_type, hashlib.sha256(content).hexdigest()[:16])


def _walk(directory: Traversable, below: str = "") -> list[tuple[str, Traversable]]:
    found = []
    for entry in directory.iterdir():
        path = f"{below}{entry.name}"
        found += _walk(entry, f"{path}/") if entry.is_dir() else [(path, entry)]
    return found

"""Applications that tests use one after another: FastAPI takes longer to build the routes of one than a test does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fastapi import FastAPI

_idle: dict[str, FastAPI] = {}


@contextmanager
def reused(*fresh: FastAPI) -> Iterator[Sequence[FastAPI]]:
    """Applications like these, with their state, whose routes are built already if they were asked for anything before.

    Those that are in use are given to nobody else.
    """
    apps = [_idle.pop(app.title, app) for app in fresh]
    for app, new in zip(apps, fresh, strict=True):
        app.state = new.state
    yield apps
    _idle.update((app.title, app) for app in apps)

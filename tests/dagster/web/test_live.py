"""Views of the board, for all pages of a process."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from supersync_core.services.board import Snapshot
from supersync_dagster.web.live import LiveBoard
from tests.dagster.web.pages import Pages


def test_what_was_read_earlier_is_no_later_view(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.declare("orders")
    pages.ran("orders")
    board, read, go_on = pages.context.board, threading.Event(), threading.Event()
    live, snapshot = LiveBoard(pages.context), board.snapshot

    def slow() -> Snapshot:
        found = snapshot()
        if not read.is_set():
            read.set()
            go_on.wait(30)
        return found

    monkeypatch.setattr(board, "snapshot", slow)
    with ThreadPoolExecutor() as others:
        earlier = others.submit(live.view)
        assert read.wait(30)
        pages.started("orders")
        board.forget()
        live.forget()
        later = others.submit(live.view)
        wait([later], 0.5)  # by then it would have overtaken
        go_on.set()
        views = [earlier.result(), later.result()]
    assert [view.rows[0].state for view in views] == ["succeeded", "running"]
    assert views[0].number < views[1].number

"""What every source of chat messages must do (connectors/channels.py), tried over every connector."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from supersync_core.domain.message import Message
from supersync_core.errors import NotFound
from tests.conformance.chats import PLACES, Chat, Place, Said
from tests.slack import fake_slack

Build = Callable[[Chat], Place]

DAY = 86_400
TALK = [
    Said(0, "The build is green again."),
    Said(60, "Which one?", "Grace"),
    Said(120, "That of #search, since 14:00.", parent=1),
    Said(3 * DAY, "We decided to keep it.", "Linus", edited=True),
    Said(3 * DAY + 5, "Fine.", "Grace", parent=3),
]
HOSTILE = [
    "<script>alert(1)</script> & <b>bold</b>",
    "# [x](javascript:alert(1)) | `code` \\ *",
    "žluť 🐎 日本 \u202eright to left",
    "'; DROP TABLE messages; --",
    "one\nline and\tanother",
    "",
]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    with fake_slack() as fake:
        yield lambda chat: request.param(tmp_path, chat, fake)


def read(place: Place, name: str = "general", after: str | None = None) -> list[Message]:
    return [one for page in place.source.read(place.channel_id(name), after) for one in page]


def test_channels_are_listed_with_ids_and_names(build: Build) -> None:
    place = build({"general": TALK, "random": []})
    assert {(one.id, one.name) for one in place.source.channels()} == {
        (place.channel_id("general"), "general"),
        (place.channel_id("random"), "random"),
    }


def test_all_messages_come_once_with_author_time_and_edit(build: Build) -> None:
    place = build({"general": TALK})
    found = read(place)
    assert sorted((one.sent_at, one.author_name, one.text) for one in found) == [
        (one.at, one.author, one.text) for one in TALK
    ]
    assert len({one.id for one in found}) == len(found)
    assert [one.text for one in found if one.edited_at is not None] == [one.text for one in TALK if one.edited]
    assert {one.channel_id for one in found} == {place.channel_id("general")}


def test_what_is_no_reply_comes_oldest_first(build: Build) -> None:
    found = [one for one in read(build({"general": TALK})) if one.thread_id is None]
    assert [one.text for one in found] == [one.text for one in TALK if one.parent is None]


def test_a_reply_names_its_parent_and_comes_after_it(build: Build) -> None:
    found = read(build({"general": TALK}))
    places = {one.id: place for place, one in enumerate(found)}
    parents = {one.text: found[places[one.thread_id]].text for one in found if one.thread_id is not None}
    assert parents == {one.text: TALK[one.parent].text for one in TALK if one.parent is not None}
    assert all(places[one.thread_id] < places[one.id] for one in found if one.thread_id is not None)


def test_a_cursor_leads_to_all_that_was_sent_later(build: Build) -> None:
    chat = [Said(number * 60, f"number {number}") for number in range(40)]
    place = build({"general": chat})
    found = read(place)
    for stop in (1, 17, 39):
        assert [one.text for one in read(place, after=place.source.cursor(found[:stop]))] == [
            one.text for one in chat[stop:]
        ]
    assert read(place, after=place.source.cursor(found)) == []


def test_nothing_is_lost_for_who_stops_after_any_page(build: Build) -> None:
    # A reply, later than all else, must not move the cursor past messages that are still to come.
    chat = [Said(0, "parent"), Said(9 * 3600, "late reply", parent=0)]
    chat += [Said(60 + number, f"number {number}") for number in range(1200)]
    place = build({"general": chat})
    met, cursor = set[str](), None
    for _ in range(10):
        page = next(place.source.read(place.channel_id("general"), cursor), None)
        if page is None:
            break
        met |= {one.text for one in page}
        cursor = place.source.cursor(page) or cursor
    assert met == {one.text for one in chat}


def test_pages_are_of_bounded_size(build: Build) -> None:
    place = build({"general": [Said(number, f"number {number}") for number in range(1203)]})
    sizes = [len(page) for page in place.source.read(place.channel_id("general"), None)]
    assert sum(sizes) == 1203 and max(sizes) <= 500


def test_reading_again_gives_the_same(build: Build) -> None:
    place = build({"general": TALK})
    assert read(place) == read(place)


def test_the_count_is_that_of_what_is_read_or_unknown(build: Build) -> None:
    place = build({"general": TALK, "random": []})
    found = read(place)
    for name, after, many in (("general", None, len(TALK)), ("random", None, 0)):
        assert place.source.count(place.channel_id(name), after) in (many, None)
    assert place.source.count(place.channel_id("general"), place.source.cursor(found)) in (0, None)


def test_messages_of_other_channels_are_not_mixed_in(build: Build) -> None:
    place = build({"general": TALK, "random": [Said(1, "elsewhere")]})
    assert [one.text for one in read(place, "random")] == ["elsewhere"]


def test_a_channel_without_messages_has_no_pages(build: Build) -> None:
    place = build({"general": TALK, "random": []})
    assert list(place.source.read(place.channel_id("random"), None)) == []


def test_an_unknown_channel_is_not_found(build: Build) -> None:
    with pytest.raises(NotFound):
        list(build({"general": TALK}).source.read("C-nowhere", None))


def test_text_is_as_it_was_written(build: Build) -> None:
    found = read(build({"general": [Said(number, text) for number, text in enumerate(HOSTILE)]}))
    assert [one.text for one in found] == HOSTILE


def test_times_are_in_utc_and_in_order(build: Build) -> None:
    found = [one for one in read(build({"general": TALK})) if one.thread_id is None]
    assert all(one.sent_at.utcoffset() is not None and not one.sent_at.utcoffset() for one in found)
    assert all(one.sent_at <= two.sent_at for one, two in pairwise(found))

"""Exports of chats by strangers: whatever is in them, it is read, left out or refused, and nothing else."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supersync_core.connectors.channels import ChannelSource
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.message import Message
from supersync_core.errors import BadData, NotFound

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1772438400.000001"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def entries(**fields: Any) -> st.SearchStrategy[Any]:
    """Objects in which each field is right, wrong or missing."""
    right = {name: st.just(value) for name, value in fields.items()}
    return VALUES | st.fixed_dictionaries({}, optional={name: one | VALUES for name, one in right.items()})


SLACK = entries(
    type="message", ts="1772438400.000001", user="U1", text="<@U1> &amp;", thread_ts="1.1", reply_count=2,
    edited={"ts": "1772438401.0"}, reactions=[{"name": "+1", "count": 2}], subtype="tombstone", bot_id="B1",
)  # fmt: skip
POST = entries(
    team="t", channel="general", user="ada", message="hi", create_at=1772438400000, edit_at=0,
    replies=[{"user": "ada", "message": "yes", "create_at": 1772438400001}], reactions=[{"emoji_name": "+1"}],
)  # fmt: skip
DISCORD = entries(
    id="1000", type="Default", timestamp="2026-03-02T08:00:00+00:00", timestampEdited=None, content="hi",
    author={"id": "1", "name": "ada"}, reference={"messageId": "999"}, reactions=[{"emoji": {"name": "x"}, "count": 1}],
)  # fmt: skip
TELEGRAM = entries(
    id=1, type="message", date="2026-03-02T08:00:00", date_unixtime="1772438400", text=["a", {"type": "code"}],
    from_id="user1", reply_to_message_id=1, reactions=[{"emoji": "x", "count": 1}], edited_unixtime="1772438401",
)  # fmt: skip


def source(type_: str, **given: Any) -> ChannelSource:
    connector = load_connector(type_)
    made: ChannelSource = connector.build_channel_source(connector.Config(**given))
    return made


def slack(path: Path, found: list[Any], extra: Any) -> ChannelSource:
    with zipfile.ZipFile(path / "x.zip", "w") as archive:
        archive.writestr("channels.json", json.dumps([{"id": "C1", "name": "general"}, extra]))
        archive.writestr("users.json", json.dumps([{"id": "U1", "profile": {"display_name": "Ada"}}, extra]))
        archive.writestr("general/2026-03-02.json", json.dumps(found))
    return source("slack_export", path=path / "x.zip")


def mattermost(path: Path, found: list[Any], extra: Any) -> ChannelSource:
    lines = [{"type": "channel", "channel": {"team": "t", "name": "general"}}, extra, {"type": "user", "user": extra}]
    lines += [{"type": "post", "post": one} for one in found]
    (path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return source("mattermost_export", path=path / "x.jsonl")


def discord(path: Path, found: list[Any], extra: Any) -> ChannelSource:
    (path / "x.json").write_text(json.dumps({"guild": extra, "channel": {"id": "1"}, "messages": found}))
    return source("discord_export", path=path / "x.json")


def telegram(path: Path, found: list[Any], extra: Any) -> ChannelSource:
    chats = {"list": [extra, {"id": 1, "name": extra, "messages": found}]}
    (path / "result.json").write_text(json.dumps({"chats": chats}))
    return source("telegram_export", path=path / "result.json")


KINDS: list[tuple[Callable[[Path, list[Any], Any], ChannelSource], str, Any]] = [
    (slack, "C1", SLACK),
    (mattermost, "t/general", POST),
    (discord, "1", DISCORD),
    (telegram, "1", TELEGRAM),
]


@pytest.mark.parametrize(("build", "channel", "entry"), KINDS, ids=lambda one: getattr(one, "__name__", ""))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data(), extra=VALUES)
def test_entries_that_make_no_sense_are_left_out(
    build: Callable[[Path, list[Any], Any], ChannelSource],
    channel: str,
    entry: st.SearchStrategy[Any],
    data: st.DataObject,
    extra: Any,
    tmp_path: Path,
) -> None:
    made = build(tmp_path, data.draw(st.lists(entry, max_size=6)), extra)
    assert channel in [one.id for one in made.channels()]
    for page in made.read(channel, None):
        assert made.cursor(page)
        for one in page:
            assert isinstance(one, Message)
            assert one.id and one.author_id and one.author_name and one.sent_at.tzinfo is not None
            assert all(isinstance(value, str) for value in (one.id, one.text, one.author_id, one.author_name))
            assert one.reply_count >= 0 and all(many >= 0 for many in one.reactions.values())


@pytest.mark.parametrize("type_", ["mattermost_export", "discord_export", "telegram_export", "slack_export"])
def test_a_file_that_is_not_there_is_not_found(type_: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(source(type_, path=tmp_path / "missing").channels())


@pytest.mark.parametrize("type_", ["discord_export", "telegram_export", "slack_export"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b"[" * 100_000])
def test_a_file_that_is_none_is_refused(type_: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadData):
        list(source(type_, path=tmp_path / "x.json").channels())


def test_a_line_that_is_no_json_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"type": "version"}\n{"type": "channel"\n')
    with pytest.raises(BadData, match="line 2"):
        list(source("mattermost_export", path=tmp_path / "x.jsonl").channels())


@pytest.mark.parametrize("type_", ["discord_export", "telegram_export"])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(type_: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"pad": "x" * 2000}))
    with pytest.raises(BadData, match="bytes"):
        list(source(type_, path=tmp_path / "x.json", max_bytes=1000).channels())


def test_parts_of_a_discord_channel_are_one_channel(tmp_path: Path) -> None:
    for part, stamps in enumerate([("08:00:00", "09:00:00"), ("09:00:00", "10:00:00")]):
        messages = [{"id": f"1{at[:2]}", "timestamp": f"2026-03-02T{at}+00:00", "author": {"id": "1"}} for at in stamps]
        content = {"guild": {"id": "7"}, "channel": {"id": "1", "name": "general"}, "messages": messages}
        (tmp_path / f"general [part {part}].json").write_text(json.dumps(content))
    made = source("discord_export", path=tmp_path)
    assert [one.name for one in made.channels()] == ["general"]
    assert [one.id for page in made.read("1", None) for one in page] == ["108", "109", "110"]


def test_telegrams_marked_parts_are_one_text(tmp_path: Path) -> None:
    parts = ["see ", {"type": "link", "text": "https://a.example"}, " and ", {"type": "code", "text": "x()"}]
    message = {"id": 5, "type": "message", "date": "2026-03-02T08:00:00", "from": "Ada", "from_id": "u1", "text": parts}
    notice = {"id": 6, "type": "service", "date": "2026-03-02T08:00:00", "action": "join"}
    (tmp_path / "result.json").write_text(json.dumps({"id": 9, "name": "general", "messages": [message, notice]}))
    made = source("telegram_export", path=tmp_path / "result.json")
    assert [one.text for page in made.read("9", None) for one in page] == ["see https://a.example and `x()`"]


def test_posts_of_one_author_at_one_time_are_told_apart(tmp_path: Path) -> None:
    post = {"team": "t", "channel": "general", "user": "ada", "create_at": 1772438400000}
    lines = [{"type": "channel", "channel": {"team": "t", "name": "general"}}]
    lines += [{"type": "post", "post": post | {"message": text}} for text in ("one", "two")]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = source("mattermost_export", path=tmp_path / "x.jsonl")
    found = [one for page in made.read("t/general", None) for one in page]
    assert [(one.id, one.text) for one in found] == [("1772438400000-ada", "one"), ("1772438400000-ada-2", "two")]

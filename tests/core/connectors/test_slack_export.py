"""A Slack export as a source of channels: what is read, from where on, and what is refused."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from supersync_core.connectors.slack_export import SlackExportSource
from supersync_core.errors import BadData, NotFound, SupersyncError

USERS = [{"id": "U1", "profile": {"display_name": "Ada"}}, {"id": "U2", "real_name": "Grace"}]
DAYS: dict[str, Any] = {
    "users.json": USERS,
    "channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "empty"}],
    "general/2026-03-02.json": [
        {"type": "message", "ts": "1772438402.000002", "user": "U2", "text": "second &amp; <@U1>"},
        {"type": "message", "ts": "1772438401.000001", "user": "U1", "text": "first", "reply_count": 2},
        {"type": "message", "ts": "1772438403.000001", "user": "U1", "text": "", "subtype": "channel_join"},
    ],
    "general/2026-03-03.json": [
        {
            "type": "message",
            "ts": "1772524800.000001",
            "thread_ts": "1772438401.000001",
            "user": "U2",
            "text": "a reply",
            "edited": {"user": "U2", "ts": "1772524900.000000"},
            "reactions": [{"name": "+1", "count": 3}],
        }
    ],
}


def export(path: Path, files: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return path / "export.zip"


@pytest.fixture
def source(tmp_path: Path) -> SlackExportSource:
    return SlackExportSource(export(tmp_path, DAYS), "https://acme.slack.com")


def test_channels_have_their_ids_and_names(source: SlackExportSource) -> None:
    assert [(one.platform, one.id, one.name) for one in source.channels()] == [
        ("slack", "C1", "general"),
        ("slack", "C2", "empty"),
    ]


def test_messages_come_oldest_first_without_slacks_own(source: SlackExportSource) -> None:
    (page,) = source.read("C1", None)
    assert [one.text for one in page] == ["first", "second & @Ada", "a reply"]
    assert [one.author_name for one in page] == ["Ada", "Grace", "Grace"]
    reply = page[2]
    assert (reply.thread_id, reply.reactions) == ("1772438401.000001", {"+1": 3})
    assert reply.edited_at is not None and reply.sent_at.isoformat() == "2026-03-03T08:00:00.000001+00:00"
    assert page[0].permalink == "https://acme.slack.com/archives/C1/p1772438401000001"


def test_a_cursor_leads_to_what_comes_after(source: SlackExportSource) -> None:
    (page,) = source.read("C1", None)
    assert source.count("C1", source.cursor(page[:2])) == 1
    assert [one.text for page in source.read("C1", source.cursor(page[:2])) for one in page] == ["a reply"]
    assert list(source.read("C1", source.cursor(page))) == []


def test_an_empty_channel_has_no_pages(source: SlackExportSource) -> None:
    assert (list(source.read("C2", None)), source.count("C2", None)) == ([], 0)


def test_an_unknown_channel_is_not_found(source: SlackExportSource) -> None:
    with pytest.raises(NotFound):
        list(source.read("C9", None))


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "general/../../x.json", "..\\x.json"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadData, match="leads out"):
        SlackExportSource(export(tmp_path, {**DAYS, name: []})).channels()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = export(tmp_path, {**DAYS, "general/2026-03-04.json": b" " * (65 * 1024 * 1024)})
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadData, match="larger"):
        SlackExportSource(path).channels()


@pytest.mark.parametrize("content", [b"no zip", b""])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "export.zip").write_bytes(content)
    with pytest.raises(SupersyncError):
        SlackExportSource(tmp_path / "export.zip").channels()


def test_a_file_that_is_no_json_is_refused_with_its_name(tmp_path: Path) -> None:
    source = SlackExportSource(export(tmp_path, {**DAYS, "general/2026-03-04.json": b"{"}))
    with pytest.raises(BadData, match="2026-03-04"):
        list(source.read("C1", None))

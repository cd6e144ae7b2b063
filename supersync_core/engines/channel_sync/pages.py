"""Wiki pages of a channel, as Markdown. What people have written is escaped wherever it is shown."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from supersync_core.domain.markdown import escaped, link_target
from supersync_core.engines.channel_sync.material import Material, Said, Subject

EXCERPT = 200
"""Characters of a message that a citation shows."""
LISTS = {
    "decisions": ("decision", "Decisions", "What was decided."),
    "actions": ("action_item", "Open actions", "What somebody has said they will do, or should."),
    "questions": ("question", "Questions", "What was asked."),
}
"""Pages that list the facts of one kind, by the ends of their slugs: kind, title, what is on them."""


@dataclass(frozen=True)
class Page:
    """A page, `slug` being unique over all channels. `citations`: the messages behind it, by their numbers on it."""

    slug: str
    parent: str | None
    kind: str
    title: str
    summary: str
    markdown: str
    citations: Sequence[dict[str, Any]]

    @property
    def content_hash(self) -> str:
        """Changes with what is on the page."""
        return hashlib.blake2b(f"{self.title}\0{self.parent}\0{self.markdown}".encode(), digest_size=16).hexdigest()


def draw_pages(channel_slug: str, material: Material) -> Iterator[Page]:
    """All pages of a channel, one after the other. A slug is `<channel>.<page>` or `<channel>.<kind>.<subject>`."""
    home = f"{channel_slug}.overview"
    shown = {end: row for end, row in LISTS.items() if material.kinds.get(row[0])}
    subjects = [("topic", one) for one in material.topics] + [("entity", one) for one in material.entities]
    around = {"m": material, "base": channel_slug, "lists": shown}
    title = f"#{material.channel}"
    summary = f"{material.messages} messages, {sum(material.counts.values())} facts"
    yield _draw("overview.md", _Frame(home, None, "overview", title, summary), around)
    for end, (kind, heading, words) in shown.items():
        facts, total = material.kinds[kind], material.counts.get(kind, 0)
        frame = _Frame(f"{channel_slug}.{end}", home, end, f"{heading} in #{material.channel}", words)
        yield _draw("facts.md", frame, {**around, "facts": facts, "total": total, "others": ()})
    if material.people:
        frame = _Frame(f"{channel_slug}.people", home, "people", f"People in #{material.channel}", "Who says what.")
        yield _draw("people.md", frame, around)
    for kind, subject in subjects:
        frame = _Frame(f"{channel_slug}.{kind}.{subject.slug}", home, kind, subject.title, _words(kind, subject))
        yield _draw(
            "facts.md", frame, {**around, "facts": subject.facts, "total": subject.total, "others": subject.others}
        )


@dataclass(frozen=True)
class _Frame:
    slug: str
    parent: str | None
    kind: str
    title: str
    summary: str


@dataclass
class _Citations:
    """Numbers the messages that a page cites, in the order in which it does."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def cite(self, said: Said) -> Markup:
        """The mark of a footnote."""
        entry = self.found.setdefault(
            said.message_id,
            {
                "number": len(self.found) + 1,
                "message_id": said.message_id,
                "author": said.author,
                "said_at": said.said_at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z"),
                "excerpt": said.excerpt[:EXCERPT],
                "permalink": link_target(said.permalink),
            },
        )
        return Markup(f"[^{entry['number']}]")

    def notes(self) -> list[dict[str, Any]]:
        """What is cited, by number."""
        return list(self.found.values())


def _draw(template: str, frame: _Frame, around: dict[str, Any]) -> Page:
    citations = _Citations()
    values = {**around, "page": frame, "cite": citations.cite, "notes": citations.notes}
    markdown = _TEMPLATES.get_template(template).render(values)
    return Page(frame.slug, frame.parent, frame.kind, frame.title, frame.summary, markdown, citations.notes())


def _words(kind: str, subject: Subject) -> str:
    return f"{subject.total} facts" + (f"; with {', '.join(subject.others[:5])}" if subject.others else "")


def _day(at: datetime) -> str:
    return at.astimezone(timezone.utc).date().isoformat()


def _finalize(value: Any) -> Any:
    """Everything that a template shows is text of strangers, unless it says otherwise."""
    return value if isinstance(value, Markup | int) else escaped(str(value))


_TEMPLATES = Environment(
    loader=PackageLoader(__package__ or "", "templates"),
    autoescape=False,
    finalize=_finalize,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters |= {
    "day": lambda at: Markup(_day(at)),
    "line": lambda said: Markup(f"{escaped(said.text)} — {escaped(said.author)}, {_day(said.said_at)}"),
    "excerpt": lambda note: Markup(f"{escaped(note['author'])}, {note['said_at']}: “{escaped(note['excerpt'])}”"),
    "address": lambda slug: Markup(quote(slug, safe=".-")),
    "raw": Markup,
}

"""The gold set: chat in which somebody has marked the facts. Its rules are in gold/README.md."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from supersync_core.domain.facts import Fact, FactKind, extract_facts
from supersync_core.domain.message import Message

FOLDER = Path(__file__).parent / "gold"
KINDS = {"D": FactKind.DECISION, "A": FactKind.ACTION_ITEM, "O": FactKind.OBSERVATION, "P": FactKind.OPINION, "?": None}
_MARK = re.compile(r"⟦(.) (.*?)⟧", re.DOTALL)
MOST = 0.6
"""Of a fact's words that are a mark's, for the fact to be right."""


@dataclass(frozen=True)
class Mark:
    text: str
    kind: FactKind | None


@dataclass
class Score:
    right: list[Fact] = field(default_factory=list)
    wrong: list[tuple[Message, Fact]] = field(default_factory=list)
    missed: list[tuple[Message, Mark]] = field(default_factory=list)
    found: int = 0
    kinds_right: int = 0

    @property
    def precision(self) -> float:
        return len(self.right) / (len(self.right) + len(self.wrong))

    @property
    def recall(self) -> float:
        return self.found / (self.found + len(self.missed))

    @property
    def kinds(self) -> float:
        return self.kinds_right / self.found

    def __str__(self) -> str:
        share = f"precision {self.precision:.3f}, recall {self.recall:.3f}, kinds {self.kinds:.3f}"
        return f"{share} ({len(self.right)} right, {len(self.wrong)} wrong, {len(self.missed)} missed)"


def judged(name: str) -> Iterator[tuple[Message, list[Mark]]]:
    """The messages of a file with their marks."""
    for number, line in enumerate((FOLDER / name).read_text("utf-8").splitlines()):
        if line.startswith("#") or not line.strip():
            continue
        author, _, marked = line.partition(": ")
        marked = marked.replace("\\n", "\n")
        marks = [Mark(text, KINDS[kind]) for kind, text in _MARK.findall(marked)]
        sent = datetime(2026, 3, 2, 8, tzinfo=timezone.utc)
        text = _MARK.sub(r"\2", marked)
        yield Message("slack", "C1", f"{number}.0", None, f"U-{author}", author, text, sent), marks


def measure(name: str, extract: Callable[[Message], list[Fact]] = extract_facts) -> Score:
    """What the rules find in a file, beside what is marked."""
    score = Score()
    for message, marks in judged(name):
        facts = extract(message)
        hit = {id(mark): fact for mark in marks for fact in facts if _covers(mark, fact)}
        for fact in facts:
            if any(_covers(mark, fact) for mark in marks):
                if any(_covers(mark, fact) for mark in marks if mark.kind is not None):
                    score.right.append(fact)
            else:
                score.wrong.append((message, fact))
        for mark in marks:
            if mark.kind is None:
                continue
            if id(mark) in hit:
                score.found += 1
                score.kinds_right += hit[id(mark)].kind is mark.kind
            else:
                score.missed.append((message, mark))
    return score


def _covers(mark: Mark, fact: Fact) -> bool:
    words = re.findall(r"\w+", fact.text.lower())
    marked = set(re.findall(r"\w+", mark.text.lower()))
    return sum(word in marked for word in words) >= MOST * len(words)

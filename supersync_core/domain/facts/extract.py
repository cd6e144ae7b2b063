"""Facts of one message, by rules: the same message gives the same facts."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from supersync_core.domain.facts.clause import Clause, find_clause, has_named_subject, words_of
from supersync_core.domain.facts.entities import Entity, find_entities
from supersync_core.domain.facts.kinds import FactKind, is_asked, is_cued, is_marked, kind_of
from supersync_core.domain.facts.lexicon import FORMS, HEDGES, HYPOTHETICAL, NO_DOING, PRIVATE, STOPWORDS
from supersync_core.domain.facts.relations import Relation, find_relations
from supersync_core.domain.facts.rewriting import named, without_fillers
from supersync_core.domain.facts.similar import is_similar
from supersync_core.domain.facts.text import sentences
from supersync_core.domain.message import Message

LEAST_CHARACTERS, MOST_CHARACTERS = 22, 320
MOST_FACTS = 2
LEAST_QUALITY = 0.5

_TAGS = tuple(
    (tag, re.compile(rf"\b(?:{words})\b"))
    for tag, words in (
        ("incident", r"incidents?|outages?|failed|fails?|crash\w*|down|errors?|alert\w*|root cause|postmortem"),
        ("release", r"releas\w+|deploy\w*|shipped|ships?|launch\w*|version|rollout|live"),
        ("cost", r"costs?|prices?|pricing|budget|contracts?|invoices?|\d+ (?:euros?|dollars?)"),
        ("security", r"security|certificates?|credentials?|audit\w*|vulnerabilit\w+|tokens?|oauth|tls|gdpr"),
        ("performance", r"latency|slow\w*|faster|throughput|p9\d|\d+ ?ms|timeouts?|per second|memory"),
        (
            "deadline",
            r"before (?:the )?\w+|by (?:monday|tuesday|wednesday|thursday|friday|the end)|deadline|until|next week",
        ),
    )
)
_IMPORTANCE = {
    FactKind.DECISION: 0.8,
    FactKind.ACTION_ITEM: 0.65,
    FactKind.OBSERVATION: 0.45,
    FactKind.OPINION: 0.4,
    FactKind.QUESTION: 0.3,
}
_LOG = re.compile(
    r"^(?:\d{4}-\d\d-\d\d[T ]|(?:ERROR|WARN|WARNING|INFO|DEBUG|FATAL|Traceback)\b(?! (?:rate|budget)))|\w+Error: "
)
_IF = re.compile(
    r"^(?:if|in theory|unless|suppose|let's|lets|would|not sure|why not|what if)\b|\bif (?:we|i|you) had\b", re.I
)
_UNSURE = re.compile(
    r"\b(?:would(?! (?:prefer|rather))|could(?! not)|can you|not sure|no idea|no proof)\b|\b\w+'d be\b", re.I
)
_SPECIFIC = re.compile(
    r"\d|`[^`]+`|\b[A-Z][a-z]+[A-Z]\w*|\b[A-Z]{2,}\b|\w[-_./]\w+[-_./]\w|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
)
_SECOND_PERSON = re.compile(r"\b(?:you|your|you're|you'll|ping me|let me|let us|lmk)\b", re.I)


@dataclass(frozen=True)
class Fact:
    """What a message says. `place`: which one of the message. `quality` and `importance`: 0 to 1."""

    place: int
    text: str
    kind: FactKind
    quality: float
    importance: float
    tags: tuple[str, ...]
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]


def extract_facts(message: Message, people: Collection[str] = ()) -> list[Fact]:
    """At most two facts, the best ones, in the order of the text. `people`: names that are known to be of people."""
    if message.is_deleted:
        return []
    author = author_of(message)
    found = [one for one in _judged(message.text, author) if one[1] >= LEAST_QUALITY]
    best = sorted(sorted(found, key=lambda one: -one[1])[:MOST_FACTS], key=lambda one: one[0])
    facts = list[Fact]()
    for _, quality, text, kind in best:
        if not any(is_similar(text, fact.text) for fact in facts):
            entities = find_entities(text, author, people)
            facts.append(
                Fact(
                    place=len(facts),
                    text=text,
                    kind=kind,
                    quality=quality,
                    importance=_importance(message, kind),
                    tags=tags_of(text),
                    entities=entities,
                    relations=find_relations(text, kind, author, entities),
                )
            )
    return facts


def author_of(message: Message) -> str:
    """The author's name on one line, without what cannot be printed."""
    shown = "".join(character if character.isprintable() else " " for character in message.author_name[:200])
    return " ".join(shown.split())[:60] or "Somebody"


def _judged(message_text: str, author: str) -> Iterator[tuple[int, float, str, FactKind]]:
    """Place, quality, text and kind of what the message states."""
    for place, written in enumerate(sentences(message_text)):
        sentence = without_fillers(written)
        if not LEAST_CHARACTERS <= len(sentence) <= MOST_CHARACTERS or _is_no_statement(sentence):
            continue
        text, told_by_author = named(sentence, author)
        clause = find_clause(text if told_by_author else sentence)
        if not _passes(sentence, clause, told_by_author):
            continue
        kind = kind_of(sentence, clause)
        if kind is not None:
            yield place, _quality(sentence, clause, kind), text, kind


def _is_no_statement(sentence: str) -> bool:
    if "?" in sentence and (sentence.rstrip("!.)\"' ").endswith("?") or sentence.count("?") > 1):
        return not is_asked(sentence)
    return _LOG.search(sentence) is not None or _IF.search(sentence) is not None


def _passes(sentence: str, clause: Clause | None, told_by_author: bool) -> bool:
    """Whether somebody or something that is named does or is something."""
    if is_asked(sentence):
        return True
    lower = [word.lower() for word in words_of(sentence)]
    if any(word in HYPOTHETICAL for word in lower) or _UNSURE.search(sentence):
        return False
    if is_marked(sentence):
        return sum(_is_content(word) for word in lower) > 4
    if clause is None or not (told_by_author or has_named_subject(clause)):
        return False
    return not (clause.is_first_person or told_by_author) or _does_something(clause)


def _does_something(clause: Clause) -> bool:
    """Whether "I" or "we" do what others want to know: a verb of work, and something to which it is done."""
    after = clause.lower[clause.main + 1 :]
    said = sum(_is_content(word) for word in after)
    return said >= 2 and clause.verb_word not in NO_DOING


def _quality(sentence: str, clause: Clause | None, kind: FactKind) -> float:
    lower = [word.lower() for word in words_of(sentence)]
    said = sum(_is_content(word) for word in lower)
    score = 0.35 + 0.05 * min(said, 5)
    score += 0.15 if is_cued(kind) else 0.0
    score += 0.1 if _SPECIFIC.search(sentence) else 0.0
    score += 0.05 if clause is not None and clause.lower[clause.main] in FORMS else 0.0
    score -= 0.15 * sum(word in HEDGES for word in lower)
    score -= 0.4 if any(word in PRIVATE for word in lower) else 0.0
    score -= 0.3 if _SECOND_PERSON.search(sentence) and not is_asked(sentence) else 0.0
    score -= 0.1 * sum(word in ("it", "that", "this", "them", "there") for word in lower[-2:])
    score -= 0.3 if "here" in lower else 0.0
    return round(min(1.0, max(0.0, score)), 2)


def _is_content(word: str) -> bool:
    return len(word) > 1 and word not in STOPWORDS


def _importance(message: Message, kind: FactKind) -> float:
    """Decisions first; more where others have answered."""
    answers = message.reply_count + sum(message.reactions.values())
    return round(_IMPORTANCE[kind] + 0.02 * min(max(answers, 0), 8), 2)


def tags_of(text: str) -> tuple[str, ...]:
    """What it is about, by the words that give it away."""
    folded = text.casefold()
    return tuple(tag for tag, pattern in _TAGS if pattern.search(folded))

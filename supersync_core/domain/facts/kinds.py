"""What kind of fact a sentence is, by the words that give it away."""

import re
from enum import Enum

from supersync_core.domain.facts.clause import Clause
from supersync_core.domain.facts.lexicon import COMMON, FORMS, NO_DOING, STOPWORDS


class FactKind(str, Enum):
    """What a fact is. The rules find no questions; a model may."""

    DECISION = "decision"
    ACTION_ITEM = "action_item"
    OBSERVATION = "observation"
    OPINION = "opinion"
    QUESTION = "question"


_DECISION = re.compile(
    r"\b(?:decided|agreed|agreement|settled on|approved|rejected|chose|chosen|picked|opted|(?:are|'re) going with"
    r"|went with|sunsetting|postpon\w+|from now on|going forward|we will not|we won't|we keep|we stay|we drop"
    r"|final(?:ly)? (?:call|decision)|this is final|no (?:more )?deploys|(?:drop|end)s? support"
    r"|we limit|stays? (?:on|with)"
    r"|we(?:'re| are) (?:replac|mov|switch|dropp|retir|migrat|standardi[sz])ing\b|every \w+ (?:gets|must|needs)"
    r"|need two approvals|gets? \w+ \w+ instead|instead of \w+)\b",
    re.I,
)
_MARKED_DECISION = re.compile(r"^(?:the )?(?:final )?(?:decision|decided|resolution|final call)\b[^:]{0,20}:", re.I)
_UNDECIDED = re.compile(
    r"\b(?:undecided|(?:to|can't|cannot|please|should|must|not|yet to) decide|do we|still (?:have|need)|no decision)\b",
    re.I,
)
_OPINION = re.compile(
    r"\b(?:i(?: really| still| don't| do not)* (?:think|believe|feel|find|like|love|hate|dislike|prefer|recommend"
    r"|favou?r)"
    r"|i'd (?:rather|prefer|love|recommend)|i would (?:rather|prefer|recommend)|imh?o|in my (?:opinion|view|experience)"
    r"|honestly|personally|we should|we shouldn't|(?:is|are|feels|was|looks|way) (?:\w+ )?too|overkill|not good enough"
    r"|better than|worse than|not worth)\b",
    re.I,
)
_MARKED_ACTION = re.compile(
    r"^(?:todo|to-do|action(?: items?| point)?|ai|next steps?|follow[- ]?up)\b(?: for)?\s*(@?\w[\w.-]*)?\s*:", re.I
)
_ASKED = re.compile(r"^@(\S+),? (?:(?:could|can|would|will) you |please )+(?:please )?(\w+) ", re.I)
_PLANNED = re.compile(
    r"^(?:\S+ and )?\S+ (?:also )?(?:will|is going to|are going to|needs? to|has to|have to|must|is taking over)\b",
    re.I,
)
_SELF = re.compile(
    r"\b(?:i'll|i will|i'm going to|i am going to|i need to|i have to|i must|i'm taking|we'll|we will)\b", re.I
)


def is_asked(sentence: str) -> bool:
    """Whether somebody who is named is asked to do something, however politely."""
    match = _ASKED.match(sentence)
    return match is not None and FORMS.get(match[2].lower(), ("", ""))[0] == "base" and match[2].lower() not in NO_DOING


def is_marked(sentence: str) -> bool:
    """Whether a word before a colon says that it is an action item or a decision."""
    return _MARKED_ACTION.match(sentence) is not None or _MARKED_DECISION.match(sentence) is not None


def kind_of(sentence: str, clause: Clause | None) -> FactKind | None:
    """The kind of a sentence that states something; None where it says that nothing is decided yet."""
    if _UNDECIDED.search(sentence):
        return None
    if is_asked(sentence) or _MARKED_ACTION.match(sentence):
        return FactKind.ACTION_ITEM
    if _MARKED_DECISION.match(sentence) or _DECISION.search(sentence) and not _OPINION.search(sentence):
        return FactKind.DECISION
    if _OPINION.search(sentence):
        return FactKind.OPINION
    if clause is not None and (_SELF.search(sentence) or _PLANNED.match(sentence)) and _is_by_people(clause):
        return FactKind.ACTION_ITEM
    return FactKind.OBSERVATION


def is_cued(kind: FactKind) -> bool:
    """Whether words have given it away: an observation is what is left."""
    return kind is not FactKind.OBSERVATION


def _is_by_people(clause: Clause) -> bool:
    if clause.is_first_person:
        return True
    first = clause.words[0]
    if first.startswith("@"):
        return True
    return first[0].isupper() and first.lower() not in COMMON | STOPWORDS and first.isalpha()

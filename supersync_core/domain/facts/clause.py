"""The subject and the verb of a sentence, by words and their places: enough to tell statements from other chat."""

import re
from dataclasses import dataclass

from supersync_core.domain.facts.lexicon import (
    ADVERBS,
    AMBIGUOUS,
    AUXILIARIES,
    BE,
    DETERMINERS,
    ENDINGS,
    FORMS,
    PREPOSITIONS,
    PRONOUNS,
    QUESTIONS,
)

MOST_BEFORE = 14
"""Words before the verb. With more it is no sentence that people understand at once."""

_WORD = re.compile(r"`[^`]+`|https?://\S+|[@#]?[\w][\w'./#+&@:-]*[\w+#]|[@#]?\w|,|[.;:()]")
_FIRST = frozenset({"i", "we", "i'm", "i've", "i'll", "i'd", "we're", "we've", "we'll", "we'd"})


@dataclass(frozen=True)
class Clause:
    """Where the parts of a sentence are among its words.

    `verb`: of the first finite verb, which may be in one word with the subject. `main`: of the verb that says what is
    done, after auxiliaries.
    """

    words: tuple[str, ...]
    lower: tuple[str, ...]
    verb: int
    main: int

    @property
    def head(self) -> str:
        """The last word of the subject, in small letters; that before the verb, but for adverbs."""
        place = self.verb if self.lower[self.verb].endswith(ENDINGS) else self.verb - 1
        while place > 0 and self.lower[place] in ADVERBS:
            place -= 1
        return self.lower[place]

    @property
    def is_first_person(self) -> bool:
        """Whether "I" or "we" is the subject."""
        return self.head in _FIRST

    @property
    def verb_word(self) -> str:
        """The base form of what is done; what is written where nobody knows it."""
        word = self.lower[self.main]
        return FORMS[word][1] if word in FORMS else word


def words_of(sentence: str) -> list[str]:
    """Words, names with their dots and slashes, code spans, and marks that separate."""
    return _WORD.findall(sentence)


def find_clause(sentence: str) -> Clause | None:
    """The clause that a statement begins with; None for questions, orders, exclamations and what has no finite verb."""
    words = words_of(sentence)
    lower = tuple(word.lower() for word in words)
    if len(words) < 3 or lower[0] in QUESTIONS and not _is_month(words[0]):
        return None
    verb = _finite(lower, words)
    return None if verb is None else Clause(tuple(words), lower, verb, _main(lower, verb))


def has_named_subject(clause: Clause) -> bool:
    """Whether the subject is a name or a thing, "I" or "we"."""
    head, subject = clause.head, clause.lower[: clause.verb]
    if subject == ("it",) and clause.lower[clause.main] in ("decided", "agreed", "announced", "confirmed"):
        return True
    if clause.is_first_person:
        return True
    if head in PRONOUNS or head.rstrip(",") == "you" or head.endswith(ENDINGS) and head.split("'")[0] in PRONOUNS:
        return _there_is_a_number(clause)
    if head in DETERMINERS or not any(_is_content(word) for word in subject or (head,)):
        return False
    return subject[0] not in PRONOUNS or subject[0] in DETERMINERS


def _there_is_a_number(clause: Clause) -> bool:
    begin = clause.lower[clause.verb + 1 : clause.verb + 4]
    return clause.lower[0] == "there" and any(word[0].isdigit() for word in begin)


def _is_content(word: str) -> bool:
    return len(word) > 1 and word not in DETERMINERS and word not in PREPOSITIONS and word not in PRONOUNS


def _finite(lower: tuple[str, ...], words: list[str]) -> int | None:
    for place in range(min(len(lower), MOST_BEFORE)):
        word = lower[place]
        if word in (";", ":", ".") or (word == "," and place > 6):
            return None
        if place and word in AUXILIARIES or _ends_in_verb(word, place, lower):
            return place
        if place and _is_verb(lower, words, place):
            return place
    return None


def _ends_in_verb(word: str, place: int, lower: tuple[str, ...]) -> bool:
    """`I've`, `we're`, `that's`; but no possessive, as in `Dennis's branch`."""
    if "'" not in word or not word.endswith(ENDINGS):
        return False
    if word.endswith("'s"):
        return word[:-2] in PRONOUNS or word in ("there's", "here's", "let's")
    return True


def _is_verb(lower: tuple[str, ...], words: list[str], place: int) -> bool:
    word, before = lower[place], lower[place - 1]
    if before in PREPOSITIONS or (before in DETERMINERS and before not in PRONOUNS):
        return False
    known = FORMS.get(word)
    if known is None:
        return _may_be_past(word, words[place]) and before not in PRONOUNS
    form = known[0]
    after = lower[place + 1] if place + 1 < len(lower) else ""
    if form == "past":
        return form != known[1] or not _is_plain_noun(before)
    if form == "s":
        return (
            word not in AMBIGUOUS or after in DETERMINERS or after in PREPOSITIONS - {"of"} and not before[0].isdigit()
        )
    return form == "base" and _takes_base(lower, place, after)


def _may_be_past(word: str, written: str) -> bool:
    return len(word) > 5 and word.endswith("ed") and word.isalpha() and written.islower() and not word.endswith("eed")


def _is_plain_noun(word: str) -> bool:
    return word.isalpha() and word not in _FIRST and word not in PRONOUNS


def _takes_base(lower: tuple[str, ...], place: int, after: str) -> bool:
    """A plural before it, or I, we; a noun that looks like a verb is followed by another verb."""
    subject = [word for word in lower[:place] if word not in ADVERBS]
    if not subject or after in AUXILIARIES:
        return False
    head = subject[-1]
    if head in _FIRST:
        return True
    if head in PRONOUNS or head == "you":
        return head in ("they", "these", "those", "you", "which", "who")
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is")) or "and" in subject
    follows = after in DETERMINERS or after in PREPOSITIONS or after in ADVERBS or after[:1].isdigit()
    return plural and (follows or FORMS.get(after, ("", ""))[0] not in ("past", "s"))


def _main(lower: tuple[str, ...], verb: int) -> int:
    """After "will", "have", "is going to", "needs to": the word that says what is done."""
    place = verb
    helping = lower[place] in AUXILIARIES or lower[place].endswith(ENDINGS)
    while helping and place + 1 < len(lower):
        place += 1
        word = lower[place]
        known = FORMS.get(word)
        if word in AUXILIARIES or word in ADVERBS or word in ("been", "be", "being", "going", "to", "about"):
            continue
        if known is None or known[0] in ("base", "past", "ing") or word in ("done", "gone", "written", "taken"):
            return place
        break
    if not helping and place + 2 < len(lower) and lower[place + 1] == "to" and FORMS.get(lower[place + 2]):
        return place + 2
    return verb if not helping or lower[verb] in BE else min(verb + 1, len(lower) - 1)


def _is_month(word: str) -> bool:
    return word == "May"

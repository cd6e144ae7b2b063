"""Sentences of a chat as they can stand alone: without fillers, and with the author for "I"."""

import re

from supersync_core.domain.facts.clause import find_clause, has_named_subject
from supersync_core.domain.facts.kinds import is_marked
from supersync_core.domain.facts.lexicon import FORMS, NO_DOING, THIRD

_FILLER = re.compile(
    r"^(?:(?:@here|@channel|@everyone"
    r"|ok(?:ay)?|so|well|anyway|also|and|but|btw|fyi|heads[- ]up|yes|yep|yeah|no|nope|hm+|lol|haha|hey|hi|hello"
    r"|(?:good )?morning|sorry|oh|ah|just|actually|basically|honestly|alright|right|cool|great|nice|thanks|update"
    r"|quick (?:note|update)|ps|hi all|hello all|all|everyone|everybody|team|folks)\b(?![-'])[\s,:;.!–—-]*)+",
    re.I,
)
_LEAD = re.compile(r"^([^:,;.`/]{1,45})[:,]\s+(?=\S)")
_MOST_LEAD_WORDS = 6
_AUTHOR = (
    (re.compile(r"^i'(?:ll| will)\b|^i will\b", re.I), "{} will"),
    (re.compile(r"^i'm\b|^i am\b", re.I), "{} is"),
    (re.compile(r"^i've\b|^i have\b", re.I), "{} has"),
    (re.compile(r"^i'd\b", re.I), "{} would"),
    (re.compile(r"^i don't\b|^i do not\b", re.I), "{} does not"),
    (re.compile(r"^i was\b", re.I), "{} was"),
)
_I_VERB = re.compile(r"^i ((?:also|just|really|still|finally) )?(\w+)\b", re.I)


def without_fillers(sentence: str) -> str:
    """Without greetings and other words before what is said.

    >>> without_fillers("ok so, heads up: the build is green"), without_fillers("per the call: we stay on version 3")
    ('the build is green', 'we stay on version 3')
    """
    kept = _FILLER.sub("", sentence) if not is_marked(sentence) else sentence
    lead = _LEAD.match(kept)
    if lead is None or is_marked(kept) or kept.startswith("@"):
        return kept
    rest = kept[lead.end() :]
    if len(lead[1].split()) > _MOST_LEAD_WORDS or _says_itself(lead[1], rest):
        return kept
    return _FILLER.sub("", rest)


def _says_itself(lead: str, rest: str) -> bool:
    """Whether what stands before the mark belongs to the sentence, or is one without it."""
    before, after = find_clause(lead), find_clause(rest)
    if after is None or not has_named_subject(after):
        return True
    return before is not None and has_named_subject(before)


def named(sentence: str, author: str) -> tuple[str, bool]:
    """The sentence with its author for "I", also where "I" is left out; and whether it says what the author does.

    >>> named("I'll write the guide", "Ada"), named("fixed the leak in the parser", "Ada"), named("It rains", "Ada")
    (('Ada will write the guide', True), ('Ada fixed the leak in the parser', True), ('It rains', False))
    """
    for pattern, form in _AUTHOR:
        match = pattern.match(sentence)
        if match is not None:
            return form.format("\0").replace("\0", author) + sentence[match.end() :], True
    match = _I_VERB.match(sentence)
    if match is not None:
        return f"{author} {match[1] or ''}{_third(match[2])}{sentence[match.end() :]}", True
    first, _, rest = sentence.partition(" ")
    form, verb = FORMS.get(first.lower(), ("", ""))
    if form == "past" and verb != first.lower() and verb not in NO_DOING and not rest.startswith(("by ", "on ", "in ")):
        return f"{author} {first.lower()} {rest}", True
    return sentence, False


def _third(verb: str) -> str:
    """The form that goes with a name: `I need`, `Ada needs`."""
    form, base = FORMS.get(verb.lower(), ("", ""))
    if form == "past" or (form == "" and verb.lower() not in _PLAIN):
        return verb
    return THIRD.get(base) or _PLAIN.get(verb.lower(), verb)


_PLAIN = {"think": "thinks", "believe": "believes", "feel": "feels", "like": "likes", "love": "loves", "hate": "hates"}
_PLAIN |= {"guess": "guesses", "know": "knows", "have": "has", "am": "is", "do": "does", "hope": "hopes"}

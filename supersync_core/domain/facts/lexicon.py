"""The words that the rules know, from `words.txt`.

A list of our own instead of a tagger: the kept ones cost seconds of import in every run, or bring models along.
"""

from importlib.resources import files


def _sections() -> dict[str, list[str]]:
    """By the name in brackets, the words below it."""
    sections: dict[str, list[str]] = {}
    words: list[str] = []
    for line in (files(__package__) / "words.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            words = sections.setdefault(line[1 : line.index("]")], [])
        elif not line.startswith("#"):
            words += line.split()
    return sections


_WORDS = _sections()
BE = frozenset(_WORDS["be"])
AUXILIARIES = BE | frozenset(_WORDS["auxiliaries"])
ENDINGS = ("'s", "'re", "'ve", "'ll", "'d", "'m")
"""Of words that are a subject and a verb in one."""
PRONOUNS = frozenset(_WORDS["pronouns"])
DETERMINERS = frozenset(_WORDS["determiners"])
PREPOSITIONS = frozenset(_WORDS["prepositions"])
ADVERBS = frozenset(_WORDS["adverbs"])
QUESTIONS = frozenset(_WORDS["questions"])
STOPWORDS = PRONOUNS | DETERMINERS | PREPOSITIONS | QUESTIONS | AUXILIARIES | frozenset(_WORDS["stopwords"])
AMBIGUOUS = frozenset(_WORDS["nouns_in_s"])
NO_DOING = frozenset(_WORDS["no_doing"])
HYPOTHETICAL = frozenset(_WORDS["hypothetical"])
HEDGES = frozenset(_WORDS["hedges"])
PRIVATE = frozenset(_WORDS["private"])
DATES = frozenset(_WORDS["dates"])
COMMON = frozenset(_WORDS["common"])


def _forms() -> dict[str, tuple[str, str]]:
    """By form: which one it is (base, s, past, ing) and of which verb."""
    forms: dict[str, tuple[str, str]] = {}
    doubling = frozenset(_WORDS["doubled"])
    for entry in _WORDS["verbs"]:
        verb, _, irregular = entry.partition("=")
        stem = verb + verb[-1] if verb in doubling else verb.removesuffix("e")
        in_y = verb.endswith("y") and verb[-2] not in "aeou"
        past = irregular or (f"{verb[:-1]}ied" if in_y else f"{stem}ed")
        third = f"{verb[:-1]}ies" if in_y else verb + ("es" if verb.endswith(("s", "x", "ch", "sh")) else "s")
        forms |= {f"{stem}ing": ("ing", verb), third: ("s", verb), past: ("past", verb), verb: ("base", verb)}
    return forms


FORMS = _forms()
THIRD = {verb: word for word, (form, verb) in FORMS.items() if form == "s"}
"""By verb, what goes with a name: `need`, `Ada needs`."""

"""How good the rules are, on chat that was judged before they were written."""

import pytest

from supersync_core.domain.facts import Fact, FactKind
from supersync_core.domain.facts.text import sentences
from supersync_core.domain.message import Message
from tests.core.domain.facts.gold import judged, measure

LEAST_PRECISION, LEAST_RECALL, LEAST_KINDS = 0.9, 0.75, 0.9


@pytest.mark.parametrize("name", ["tuned.txt", "held_out.txt"])
def test_what_is_found_is_right_and_most_of_it_is_found(name: str) -> None:
    score = measure(name)
    assert score.precision >= LEAST_PRECISION, score
    assert score.recall >= LEAST_RECALL, score
    assert score.kinds >= LEAST_KINDS, score


def test_the_gold_set_is_large_and_most_of_it_is_no_fact() -> None:
    messages = [marks for name in ("tuned.txt", "held_out.txt") for _, marks in judged(name)]
    assert len(messages) >= 250
    assert sum(not marks for marks in messages) >= 100


def test_the_measure_tells_rules_from_none() -> None:
    def every_sentence(message: Message) -> list[Fact]:
        texts = [text for text in sentences(message.text) if len(text) >= 22]
        return [Fact(n, text, FactKind.OBSERVATION, 0.5, 0.5, (), (), ()) for n, text in enumerate(texts)]

    score = measure("tuned.txt", every_sentence)
    assert (score.precision < 0.75, score.recall > 0.9, score.kinds < 0.75) == (True, True, True), score

"""Texts that say nearly the same, by the pieces of three to five characters that they share."""

import math
from collections import Counter
from collections.abc import Mapping

SIMILAR = 0.75
"""Of the cosine, from which on two texts are one."""


def is_similar(one: str, other: str) -> bool:
    """Whether two texts are nearly the same."""
    a, b = _pieces(one), _pieces(other)
    return _cosine(a, b) >= SIMILAR


def _pieces(text: str) -> Mapping[str, float]:
    folded = f"  {' '.join(text.casefold().split())}  "
    return Counter(folded[at : at + size] for size in (3, 4, 5) for at in range(len(folded) - size + 1))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    if len(one) > len(other):
        one, other = other, one
    product = sum(value * other.get(piece, 0.0) for piece, value in one.items())
    lengths = math.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in other.values()))
    return product / lengths if lengths else 1.0

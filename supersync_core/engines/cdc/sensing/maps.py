"""Objects whose keys are data, such as `{"2024-01-01": 3, "2024-01-02": 5}`: else each document would be a new schema.

At each place in documents the keys of objects are counted. After `min_events` objects, keys that at least
`stable_threshold` of them have are stable. Where at least `min_dynamic_fields` keys are not, the place is a map if one
can be sure enough: half of the confidence is how many objects were seen, half how rare the keys are that are not
stable (1 for keys that never come again, 0 for keys that are nearly stable). What is a map stays one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, TypeAlias

from supersync_core.engines.cdc.sensing.config import HighCardinality

Path: TypeAlias = "tuple[str, ...]"

MAX_KEYS = 10_000
"""With so many keys at a place one does not wait for more objects."""


@dataclass
class _Place:
    """`stable`: None while it is not a map. `due`: after so many objects it is looked at (again)."""

    due: int
    objects: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    stable: frozenset[str] | None = None


class Maps:
    """The places of one table's documents."""

    def __init__(self, config: HighCardinality, kept: Sequence[Sequence[Any]] = ()) -> None:
        """`kept`: what `state` has given."""
        self._config = config
        self._places: dict[Path, _Place] = {
            tuple(path): _Place(config.reevaluate_interval, stable=frozenset(stable)) for path, stable in kept
        }
        self.news: list[tuple[Path, frozenset[str]]] = []
        """Maps that were found, or have got stable keys: whoever folds them takes them out."""

    def state(self) -> list[list[Any]]:
        """The maps, as JSON."""
        return [[list(path), sorted(p.stable)] for path, p in sorted(self._places.items()) if p.stable is not None]

    def look(self, path: Path, document: Mapping[str, Any]) -> frozenset[str] | None:
        """Count an object; the keys that are fields where it is a map, None where all are."""
        if not self._config.enabled:
            return None
        place = self._places.get(path)
        if place is None:
            place = self._places[path] = _Place(self._config.min_events)
        place.objects += 1
        place.counts.update(document.keys())
        if place.objects >= place.due or len(place.counts) > MAX_KEYS:
            self._judge(path, place)
        return place.stable

    def _judge(self, path: Path, place: _Place) -> None:
        config = self._config
        threshold = config.stable_threshold * place.objects
        stable = frozenset(key for key, count in place.counts.items() if count >= threshold)
        before = place.stable
        if before is not None:
            place.stable = before | stable
        elif len(place.counts) - len(stable) >= config.min_dynamic_fields:
            rare = [count for key, count in place.counts.items() if key not in stable]
            if self._confidence(place, sum(rare) / len(rare)) >= config.confidence_threshold:
                place.stable = stable
        if place.stable is not None and place.stable != before:
            self.news.append((path, place.stable))
            self._forget_below(path, place.stable)
        place.objects, place.due = 0, config.reevaluate_interval
        place.counts.clear()

    def _confidence(self, place: _Place, rare: float) -> float:
        seen = sqrt(min(1.0, place.objects / self._config.min_events))
        return 0.5 * seen + 0.5 * (1 - sqrt(rare / (self._config.stable_threshold * place.objects)))

    def _forget_below(self, path: Path, stable: frozenset[str]) -> None:
        """Places below keys that are data are no places any more."""
        below = len(path)
        for other in [one for one in self._places if len(one) > below and one[:below] == path]:
            if other[below] not in stable:
                del self._places[other]

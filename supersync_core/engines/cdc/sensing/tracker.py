"""What is known of the documents of one table, or of one of its JSON columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.sensing.maps import Maps
from supersync_core.engines.cdc.sensing.shape import Shape, Structure
from supersync_core.engines.cdc.sensing.structure import row_structure, structure


class Tracker:
    """`events`: all that came. `sequence`: grows by one whenever the fingerprint changes; 0 before anything was seen.

    Structures that were seen are remembered, so that most documents teach nothing and cost little.
    """

    def __init__(self, config: SensingConfig, kept: Mapping[str, Any] | None = None, owner: str = "") -> None:
        """`owner`: the full name of the table; `kept`: what `state` has given."""
        known = kept or {}
        self._config, self.owner = config, owner
        self.shape = Shape.read(known["shape"]) if "shape" in known else Shape()
        self.fingerprint: str = known.get("fingerprint", "")
        self.sequence: int = known.get("sequence", 0)
        self.events: int = known.get("event_count", 0)
        self._unchanged_since: int = known.get("unchanged_since", 0)
        self._first: str | None = known.get("first_seen")
        self._last: str | None = known.get("last_seen")
        self.hits: int = known.get("cache_hits", 0)
        self.misses: int = known.get("cache_misses", 0)
        self._cache: set[Structure] = set()
        self._maps = Maps(config.high_cardinality, known.get("maps", ()))
        self._depth = config.deep_inspect.max_depth if config.deep_inspect.enabled else 1

    @property
    def is_stable(self) -> bool:
        """Whether so many events have come without anything new (`deep_inspect.max_sample_size`)."""
        enough = self._config.deep_inspect.max_sample_size
        return 0 < enough <= self.events - self._unchanged_since

    def see(self, document: Any, shallow: frozenset[str] | None, *, at: datetime) -> bool:
        """Look at a document; whether it has changed the schema.

        `shallow`: it is a row, and into these columns others look; None: it is a document.
        """
        if shallow is None:
            found = structure(document, self._maps, self._depth)
        else:
            found = row_structure(document, shallow, self._maps, self._depth)
        self._last = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        self._first = self._first or self._last
        folded = self._fold()
        if found in self._cache and not folded:
            self.hits += 1
            return False
        self.misses += 1
        changed = self.shape.absorb(found) or folded
        if changed:
            changed = self._evolve()
        sampling = self._config.sampling
        if sampling.structure_cache and len(self._cache) < sampling.structure_cache_size:
            self._cache.add(found)
        return changed

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "owner": self.owner,
            "fingerprint": self.fingerprint,
            "sequence": self.sequence,
            "event_count": self.events,
            "unchanged_since": self._unchanged_since,
            "stabilized": self.is_stable,
            "first_seen": self._first,
            "last_seen": self._last,
            "cached_structures": len(self._cache),
            "max_cache_size": self._config.sampling.structure_cache_size,
            "cache_hits": self.hits,
            "cache_misses": self.misses,
            "maps": self._maps.state(),
            "shape": self.shape.state(),
        }

    def _fold(self) -> bool:
        news, self._maps.news = self._maps.news, []
        for path, stable in news:
            place = self.shape.at(path)
            if place is not None:
                place.fold(stable)
        return bool(news)

    def _evolve(self) -> bool:
        fingerprint = self.shape.fingerprint
        if fingerprint == self.fingerprint:
            return False
        self.fingerprint, self.sequence, self._unchanged_since = fingerprint, self.sequence + 1, self.events
        self._cache.clear()
        return True

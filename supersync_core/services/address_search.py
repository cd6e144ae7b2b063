"""Look for addresses by part of their name."""

from supersync_core.ledger.address_search import FoundAddress, search_addresses

__all__ = ["FoundAddress", "search_addresses"]

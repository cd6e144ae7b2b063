"""What pages are asked for in their addresses."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator


def _printable(text: str) -> str:
    # The ledger holds no NUL, so nothing contains one.
    return text.replace("\0", "").strip()


Words = Annotated[str, Query(max_length=1000), AfterValidator(_printable)]
"""Something to look for."""
PageNumber = Annotated[int, Query(alias="page", ge=1, le=100_000)]
"""1 is the first page."""


def pages_of(total: int, per_page: int) -> int:
    """How many pages there are; one at least.

    >>> pages_of(0, 25), pages_of(25, 25), pages_of(26, 25)
    (1, 1, 2)
    """
    return max(1, -(-total // per_page))

"""What somebody must do who finds facts in messages and is asked over a network."""

from collections.abc import Sequence
from typing import Protocol

from supersync_core.domain.facts import Proposal
from supersync_core.domain.message import Message


class FactExtractor(Protocol):
    """A model, or anything else that reads messages."""

    def propose(self, messages: Sequence[Message]) -> list[list[Proposal]]:
        """For each of the messages, what it says; nothing is checked yet but the form.

        Raises BadData for an answer that is not in that form, AccessDenied, and Unavailable once its patience has
        ended.
        """

    def cancel(self) -> None:
        """Make the call that goes on, and all later ones, raise Cancelled. From any thread."""

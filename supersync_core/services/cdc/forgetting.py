"""Remove what the source of a deleted pipeline has made on its server, such as a replication slot."""

from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cdc.journal import read_position
from supersync_core.services.cdc.pipelines import stored_spec
from supersync_core.services.cdc.sources import build_source
from supersync_core.services.cdc.vault import Vault


def forget_source(ledger: Ledger, pipeline: Pipeline, vault: Vault) -> None:
    """See `ChangeSource.forget`: what it has made, the last checkpoint says. Raises what the connector raises."""
    with ledger.begin() as session:
        stored = [read_position(row.position) for row in select_checkpoints(session, pipeline.id)]
    build_source(stored_spec(pipeline, vault)).forget(max(stored, default=None))

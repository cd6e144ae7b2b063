"""Remove what the source of a deleted pipeline has made on its server, such as a replication slot."""

from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cdc.pipelines import stored_spec
from supersync_core.services.cdc.sources import build_source
from supersync_core.services.cdc.vault import Vault


def forget_source(pipeline: Pipeline, vault: Vault) -> None:
    """See `ChangeSource.forget`. Raises what the connector raises."""
    build_source(stored_spec(pipeline, vault)).forget()

"""Alembic's environment and the ledger's revisions. `supersync_core.ledger.database.migrate` runs them."""

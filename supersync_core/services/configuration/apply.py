"""Writing a configuration into the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from supersync_core.domain.pipeline import PipelineKind, fold_name
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pipelines import Declared, select_declared
from supersync_core.services.cdc.declared import sealed
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.configuration.model import PIPELINE_MODELS, Configuration
from supersync_core.services.pipelines import register_pipeline, retire_pipeline


@dataclass(frozen=True)
class Applied:
    """The names of pipelines by what the configuration did to them. `removed`: those that have left it."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def apply_configuration(
    ledger: Ledger, configuration: Configuration, at: datetime, vault: Callable[[], Vault] | None = None
) -> Applied:
    """Write every declaration whose content has changed, in one transaction; several processes take turns.

    An unchanged declaration is not written again, so it never undoes what an operator has changed since. A pipeline
    that was declared and has left the configuration is retired: nothing runs it any more, its history stays, and it
    comes back as it was when it is declared again. Pipelines that nobody declared, and kinds that a configuration
    cannot declare, are left alone. `vault` seals the secrets of CDC pipelines; without it none may be declared.
    """
    found: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": [], "removed": []}
    with ledger.begin() as session:
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("supersync.configuration", 0))))
        known = select_declared(session)
        for pipeline in configuration.pipelines:
            declaration = pipeline.declaration()
            content_hash = declaration.content_hash
            if declaration.kind is PipelineKind.CDC:
                declaration, content_hash = sealed(declaration, vault)
            effect = _effect(known.get(fold_name(declaration.name)), content_hash)
            found[effect].append(declaration.name)
            # Each process does this whenever it loads, and nearly always all of them are as they were.
            if effect != "unchanged":
                register_pipeline(session, declaration, at=at, content_hash=content_hash)
        declared = {fold_name(pipeline.name) for pipeline in configuration.pipelines}
        for one in known.values():
            was_declared = one.declared_hash is not None and one.kind.value in PIPELINE_MODELS
            if was_declared and one.retired_at is None and one.name_key not in declared:
                retire_pipeline(session, one.name, at=at)
                found["removed"].append(one.name)
    return Applied(**{effect: tuple(names) for effect, names in found.items()})


def _effect(known: Declared | None, content_hash: str) -> str:
    """What writing the declaration will do."""
    if known is None or known.retired_at is not None:
        return "added"
    return "unchanged" if known.declared_hash == content_hash else "changed"

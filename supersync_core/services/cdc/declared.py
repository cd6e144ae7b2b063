"""CDC pipelines that a file declares: their secrets sealed, and still known as unchanged when they are."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

from supersync_core.domain.pipeline import PipelineDeclaration
from supersync_core.errors import ConfigError
from supersync_core.services.cdc.spec import change_secrets, read_spec, secret_paths
from supersync_core.services.cdc.vault import Vault


def sealed(declaration: PipelineDeclaration, vault: Callable[[], Vault] | None) -> tuple[PipelineDeclaration, str]:
    """The declaration as the ledger keeps it, and the hash that it is known by: a seal is another one each time.

    Raises ConfigError without a vault.
    """
    if vault is None:
        raise ConfigError(f"{declaration.name} cannot be declared here: nobody gave the key of its secrets")
    opened = vault()
    paths = secret_paths(read_spec(declaration.spec))
    kept, marked = deepcopy(dict(declaration.spec)), deepcopy(dict(declaration.spec))
    change_secrets(kept, paths, opened.seal)
    change_secrets(marked, paths, opened.mark)
    return replace(declaration, spec=kept), replace(declaration, spec=marked).content_hash

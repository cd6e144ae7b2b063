"""Secrets in specifications: encrypted in the ledger, opened by the run, masked for everybody else.

A secret is kept as `secret:v1:` and a Fernet token (https://github.com/fernet/spec/blob/master/Spec.md). The key is
derived from SUPERSYNC_SECRET_KEY, or from a file in the data directory that is made at first use.
"""

import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from supersync_core.errors import ConfigError
from supersync_core.services.settings import Settings

PREFIX = "secret:v1:"
FILE = "secret.key"
"""In the data directory; readable by its owner alone."""


class Vault:
    """Encrypts and decrypts with one key."""

    def __init__(self, passphrase: str) -> None:
        """Any text; the key is its SHA-256, so it should be long and random."""
        self._key = hashlib.sha256(passphrase.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(self._key))

    def seal(self, secret: str) -> str:
        """The secret as the ledger keeps it. One that is sealed already stays as it is."""
        if secret.startswith(PREFIX):
            return secret
        return PREFIX + self._fernet.encrypt(secret.encode()).decode()

    def mark(self, secret: str) -> str:
        """A text that is the same for the same secret, and tells nothing of it to whoever has not the key."""
        return "mark:" + hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()

    def open(self, sealed: str) -> str:
        """The secret. A text that is not sealed is its own. Raises ConfigError for one that another key has sealed."""
        if not sealed.startswith(PREFIX):
            return sealed
        try:
            return self._fernet.decrypt(sealed.removeprefix(PREFIX).encode()).decode()
        except InvalidToken:
            raise ConfigError(
                "a secret of a pipeline cannot be read: it was written with another SUPERSYNC_SECRET_KEY"
            ) from None

    def open_all(self, data: Any) -> Any:
        """JSON with every sealed secret in it opened. Raises ConfigError."""
        if isinstance(data, dict):
            return {name: self.open_all(value) for name, value in data.items()}
        if isinstance(data, list):
            return [self.open_all(value) for value in data]
        return self.open(data) if isinstance(data, str) else data


def open_vault(settings: Settings) -> Vault:
    """The vault of this deployment. Raises ConfigError when the key's file cannot be read or made."""
    if settings.secret_key is not None:
        return Vault(settings.secret_key.get_secret_value())
    path = settings.data_dir / FILE
    try:
        return Vault(_read_or_make(path))
    except OSError as error:
        raise ConfigError(f"the key for secrets is not to be had: {error}; set SUPERSYNC_SECRET_KEY") from error


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Whole or not at all, also when two processes make it at once.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(base64.urlsafe_b64encode(os.urandom(32)).decode())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text()

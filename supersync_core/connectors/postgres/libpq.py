"""Functions of libpq that psycopg2 does not offer, found through its own library, which is linked with libpq."""

import ctypes
from typing import Any

from psycopg2 import _psycopg

_quick, _waiting = ctypes.PyDLL(_psycopg.__file__), ctypes.CDLL(_psycopg.__file__)


def function(name: str, result: Any, *arguments: Any, waits: bool = False) -> Any:
    """The function of that name, by the types of ctypes. `waits`: it lets go of the interpreter meanwhile."""
    found = getattr(_waiting if waits else _quick, name)
    found.restype, found.argtypes = result, arguments
    return found

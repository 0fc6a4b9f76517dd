"""Everything random, from a seed: the same request to the same rule gets the same ids, whatever came before it."""

from __future__ import annotations

import hashlib
from random import Random

__all__ = ["api_id", "generator", "trace_id"]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LENGTHS = {"msg": 28, "toolu": 30, "srvtoolu": 33, "mcptoolu": 33, "req": 28, "container": 34, "file": 29}
"""How long ids are, prefix and all (`wire.md`, section 6)."""
_NEWER = ("req", "container", "file")


def generator(seed: int, *parts: str) -> Random:
    """Return a generator that depends on the seed and the parts, and on nothing else."""
    digest = hashlib.sha256("\0".join((str(seed), *parts)).encode("utf-8", "surrogatepass")).digest()
    return Random(int.from_bytes(digest, "big"))


def api_id(prefix: str, rng: Random) -> str:
    """Return an id in the API's shape: `msg_01…`, `toolu_01…`, `req_011C…`."""
    head = f"{prefix}_{'011C' if prefix in _NEWER else '01'}"
    return head + "".join(rng.choices(_BASE58, k=_LENGTHS[prefix] - len(head)))


def trace_id(rng: Random, digits: int) -> str:
    """Return so many hexadecimal digits."""
    return f"{rng.getrandbits(digits * 4):0{digits}x}"

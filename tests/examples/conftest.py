"""What the examples need beside them: nothing but room for other programs of the same name."""

from __future__ import annotations

import sys


def pytest_collection_finish() -> None:
    """Forget the module `app`, once the examples have it: other tests write an `app` of their own and import it."""
    sys.modules.pop("app", None)

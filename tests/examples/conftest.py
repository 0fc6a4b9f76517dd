"""What the examples need beside them: nothing but room for other programs of the same name."""

from __future__ import annotations

import sys

collect_ignore = ["assistant", "from_vcr"]
"""Projects with settings of their own: `tests/test_sample_project.py` and `tests/test_from_vcr.py` run their tests."""


def pytest_collection_finish() -> None:
    """Forget the module `app`, once the examples have it: other tests write an `app` of their own and import it."""
    sys.modules.pop("app", None)

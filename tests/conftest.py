"""What all tests share: the recorded streams beside the repository, if they are there; and that no test is timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from plugin_projects import plugin_environment, plugin_loaded, project

__all__ = ["plugin_environment", "plugin_loaded", "project", "recorded_streams"]

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def recorded_streams(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give the wire-exact bodies of the recorded streams, one file each; skip where the recordings are absent."""
    if not (SHARED / "streams").is_dir():
        pytest.skip("the recorded streams are not beside this repository")
    folder = tmp_path_factory.mktemp("streams")
    subprocess.run([sys.executable, SHARED / "tools" / "extract_streams.py", SHARED / "streams", folder], check=True)
    return sorted(folder.glob("*.sse"))

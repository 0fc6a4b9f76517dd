"""Runs another program where neither `mcp` nor `tenacity` is installed, as after a plain `pip install litellm`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

missing: dict[str, Any] = {"mcp": None, "tenacity": None}
sys.modules.update(missing)
sys.argv = sys.argv[1:]
runpy.run_path(str(Path(__file__).with_name(sys.argv[0])), run_name="__main__")

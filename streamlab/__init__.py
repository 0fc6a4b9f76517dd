"""streamlab: the crash-test lab for clients that stream from the Claude API.

The public names are loaded when they are first used; `__init__.pyi` beside this file tells type checkers what they are.
"""

from importlib import import_module

from streamlab._version import __version__

_HOMES = {
    "Block": "streamlab.core.blocks",
    "Call": "streamlab.core.journal",
    "CassetteWarning": "streamlab.errors",
    "Cut": "streamlab.core.faults",
    "ErrorEvent": "streamlab.core.faults",
    "FaultError": "streamlab.errors",
    "Journal": "streamlab.core.journal",
    "Lab": "streamlab.net.lab",
    "LabSettings": "streamlab.files.lab_settings",
    "LabClock": "streamlab.net.clock",
    "PlaceError": "streamlab.errors",
    "RemoteHost": "streamlab.net.remote",
    "Request": "streamlab.core.exchange",
    "ScenarioError": "streamlab.errors",
    "ServerError": "streamlab.errors",
    "Stall": "streamlab.core.faults",
    "StreamlabError": "streamlab.errors",
    "VerificationError": "streamlab.errors",
    "cassette": "streamlab.files.scenario",
    "error": "streamlab.core.authoring",
    "events": "streamlab.core.authoring",
    "faults": "streamlab.core",
    "http": "streamlab.core.authoring",
    "message": "streamlab.core.authoring",
    "serve": "streamlab.net.lab",
    "sse": "streamlab.files.scenario",
    "text": "streamlab.core.authoring",
    "thinking": "streamlab.core.authoring",
    "tool_use": "streamlab.core.authoring",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are texts


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'streamlab' has no attribute {name!r}")
    home = _HOMES[name]
    return import_module(f"{home}.{name}") if home == "streamlab.core" else getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)

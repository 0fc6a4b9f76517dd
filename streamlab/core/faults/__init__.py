"""Faults: pure changes of a plan at a place.

A fault is one frozen dataclass. Its first field is its main value, and its fields are its keys in YAML; `apply` turns a
plan into a plan, `places` says where in a plan it can be put. To add one: write the class in the module of its family and
decorate it with `@register("name")`.
"""

# Each module says in its `__all__` which faults it has, so that a new one is named in its own module alone.
from streamlab.core.faults import base, events, framing, http, order, payload, stacks, wire
from streamlab.core.faults.base import *  # noqa: F403
from streamlab.core.faults.events import *  # noqa: F403
from streamlab.core.faults.framing import *  # noqa: F403
from streamlab.core.faults.http import *  # noqa: F403
from streamlab.core.faults.order import *  # noqa: F403
from streamlab.core.faults.payload import *  # noqa: F403
from streamlab.core.faults.stacks import *  # noqa: F403
from streamlab.core.faults.wire import *  # noqa: F403

__all__: list[str] = []
__all__ += base.__all__
__all__ += http.__all__
__all__ += events.__all__
__all__ += order.__all__
__all__ += framing.__all__
__all__ += payload.__all__
__all__ += wire.__all__
__all__ += stacks.__all__

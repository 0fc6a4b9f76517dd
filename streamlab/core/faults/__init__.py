"""Faults: pure changes of a plan at a place.

A fault is one frozen dataclass. Its first field is its main value, and its fields are its keys in YAML; `apply` turns a
plan into a plan, `places` says where in a plan it can be put. To add one: write the class in the module of its family and
decorate it with `@register("name")`.
"""

from streamlab.core.faults.base import Fault, fault_names, fault_type, main_field, parse_fault, register
from streamlab.core.faults.events import ErrorEvent
from streamlab.core.faults.wire import Cut, Stall

__all__ = ["Cut", "ErrorEvent", "Fault", "Stall", "fault_names", "fault_type", "main_field", "parse_fault", "register"]

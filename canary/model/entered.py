"""What is entered in the browser, beside the settings file: values by section and name, secrets among them sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EnteredValues:
    """What was entered for a section of settings, or one named entry of it; `sealed` is empty where nothing is secret."""

    section: str
    name: str
    plain: Mapping[str, object]
    sealed: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SettingView:
    """A section of settings, or one named entry of it, as a page may show it: no secret is in it.

    `written` are the fields that the settings file or the environment sets, which nobody changes in the browser; `secrets`
    are the secret fields that have a value. `fault` says in a line why what was entered is not in force.
    """

    section: str
    name: str
    values: Mapping[str, object]
    written: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    fault: str = ""

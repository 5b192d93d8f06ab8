"""The values in force: the settings file and the environment, and beside them what was entered in the browser.

What is written in the file or the environment wins, field by field, and is shown as read-only. What was entered lives in
the store, its secrets sealed by `settings.key` in the data folder; what cannot be opened is not in force, and said.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlmodel import Session

from canary.model.alert import DestinationView
from canary.model.entered import EnteredValues, SettingView
from canary.processes.entered_sections import MAILBOXES, SECTIONS, SERVICES, EnteredSection
from canary.processes.mailbox_health import mark_entered
from canary.settings import Settings
from canary.store.database import Database
from canary.store.queries.audit import audit
from canary.store.queries.entered import entries, put_entry, remove_entry
from canary.store.sealed import SealBroken, Sealer

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LARGEST = 20_000


@dataclass(frozen=True, slots=True)
class InForce:
    """Settings with what was entered, and for each entry that is not in force a line with the cure, by section and name."""

    settings: Settings
    faults: Mapping[tuple[str, str], str] = field(default_factory=dict)


def sealer_of(settings: Settings) -> Sealer:
    """Return what seals secrets, by the key in the data folder."""
    return Sealer(settings.data / "settings.key")


def in_force(settings: Settings, entered: Sequence[EnteredValues], sealer: Sealer) -> InForce:
    """Return the settings with what was entered; an entry that cannot be read is left out, and said."""
    faults: dict[tuple[str, str], str] = {}
    for entry in entered:
        kind = SECTIONS.get(entry.section)
        if kind is None:
            continue  # a newer version's
        try:
            settings = _with_entry(settings, kind, entry.name, _values(entry, sealer))
        except SealBroken as fault:
            faults[entry.section, entry.name] = str(fault)
        except ValidationError as fault:
            faults[entry.section, entry.name] = f"{_place(entry.section, entry.name)}: {_line(fault)}"
        except _NameTaken as fault:
            faults[entry.section, entry.name] = str(fault)
    return InForce(settings, faults)


def _values(entry: EnteredValues, sealer: Sealer) -> dict[str, Any]:
    opened = sealer.open(entry.sealed, _place(entry.section, entry.name)) if entry.sealed else {}
    return {**entry.plain, **opened}


def _place(section: str, name: str) -> str:
    return f"{section} {name}".strip()


def _at(settings: BaseModel, path: Sequence[str]) -> Any:
    return _at(getattr(settings, path[0]), path[1:]) if path else settings


def _with(model: Any, path: Sequence[str], value: object) -> Any:
    if not path:
        return value
    return model.model_copy(update={path[0]: _with(getattr(model, path[0]), path[1:], value)})


class _NameTaken(ValueError):
    """Another entry beside the section has the name."""


def _check_beside(settings: Settings, kind: EnteredSection, name: str) -> None:
    for path in kind.beside:
        if name in _at(settings, path):
            raise _NameTaken(f"{'.'.join((*path, name))}: has this name already; choose another one")


def _with_entry(settings: Settings, kind: EnteredSection, name: str, values: Mapping[str, Any]) -> Settings:
    there = _at(settings, kind.path)
    _check_beside(settings, kind, name)
    if kind.named:
        changed: object = {name: kind.model(**values), **there}
    elif kind.optional:
        changed = there or kind.model(**values)
    else:
        written = {each: getattr(there, each) for each in there.model_fields_set}
        changed = kind.model(**{**values, **written})
    result: Settings = _with(settings, kind.path, changed)
    return result


def _line(fault: ValidationError) -> str:
    """Return the first fault without the value, which may be secret."""
    first = fault.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'values'}: {first['msg']}"


class EnteredSettings:
    """Reads, changes and follows what is entered; the settings of the file and the environment stay as they are."""

    def __init__(self, written: Settings, clock: Callable[[], datetime]) -> None:
        """Begin with what is written; nothing is read from the store yet."""
        self.written, self._clock, self._sealer = written, clock, sealer_of(written)
        self._seen: tuple[EnteredValues, ...] = ()
        self._found = InForce(written)
        self._lock = threading.Lock()

    def current(self, session: Session) -> InForce:
        """Return the values in force as the store has them now; the same object where nothing changed."""
        entered = entries(session)
        with self._lock:
            # A key that was missing may be there again, so what is not in force is tried again.
            if entered != self._seen or self._found.faults:
                self._seen, found = entered, in_force(self.written, entered, self._sealer)
                self._found = self._found if found == self._found else found
            return self._found

    @property
    def faults(self) -> Mapping[tuple[str, str], str]:
        """What was not in force when it was last asked for, and why, by section and name."""
        return self._found.faults

    def views(self, session: Session, section: str) -> list[SettingView]:
        """Return a section as pages show it: the entries by name, or the one without."""
        kind, found = SECTIONS[section], self.current(session)
        entered = {entry.name: entry for entry in entries(session) if entry.section == section}
        there, ours = _at(found.settings, kind.path), _at(self.written, kind.path)
        if not kind.named:
            return _single_view(kind, section, there, ours, entered, found.faults.get((section, ""), ""))
        shown = [
            replace(
                _view(kind, section, name, model), written=frozenset(kind.model.model_fields if name in ours else ())
            )
            for name, model in there.items()
        ]
        broken = [
            SettingView(section, name, entered[name].plain, fault=fault)
            for (whose, name), fault in found.faults.items()
            if whose == section
        ]
        return sorted([*shown, *broken], key=lambda view: view.name)

    def destinations(self, session: Session) -> list[DestinationView]:
        """Return the destinations of alerts without their addresses and secrets."""
        found = self.current(session).settings.alert.destinations
        return [DestinationView(name, d.kind, d.when, d.route) for name, d in found.items()]

    def retention(self, session: Session) -> timedelta | None:
        """Return how long mail that no case needs is kept whole, None for ever."""
        return self.current(session).settings.retention.after

    def enter(self, session: Session, section: str, name: str, given: Mapping[str, object], who: str) -> None:
        """Write what was given in place of what was entered before; a secret that is left out stays as it was.

        Raises ValueError in a line for what cannot be, or is written in the settings file.
        """
        kind, place = SECTIONS[section], _place(section, name)
        if kind.named and not _NAME.fullmatch(name):
            raise ValueError(f"name {name[:50]!r}: use a to z, 0 to 9 and hyphens, at most 40")
        self._check_unwritten(kind, name, given)
        _check_beside(self.current(session).settings, kind, name)
        secret = {field: value for field, value in given.items() if field in kind.secret}
        before = next((e for e in entries(session) if (e.section, e.name) == (section, name)), None)
        if before and before.sealed:
            secret = {**self._sealed_before(kind, before, given), **secret}
        plain = {field: value for field, value in given.items() if field not in kind.secret}
        if len(str((plain, secret))) > _LARGEST:
            raise ValueError(f"{place}: is longer than {_LARGEST:,} characters")
        try:
            kind.model(**plain, **secret)
        except ValidationError as fault:
            raise ValueError(f"{place}: {_line(fault)}") from None
        if secret:
            self._check_key(session)
        now, sealed = self._clock(), self._sealer.seal(secret, place) if secret else ""
        put_entry(session, EnteredValues(section, name, plain, sealed), who, now)
        if role := role_of(section):
            mark_entered(self.written.data, role)
        shown = ", ".join(f"{field} = {value!r}" for field, value in plain.items())
        audit(session, now, who, "setting-entered", place, shown)

    def remove(self, session: Session, section: str, name: str, who: str) -> None:
        """Remove what was entered; raises Unknown."""
        remove_entry(session, section, name)
        audit(session, self._clock(), who, "setting-removed", _place(section, name), "")

    def _sealed_before(
        self, kind: EnteredSection, before: EnteredValues, given: Mapping[str, object]
    ) -> Mapping[str, Any]:
        """Return the secrets that stay: none may go to another host or user than the one that it was entered for."""
        changed = sorted(each for each in kind.bound if given.get(each) != before.plain.get(each))
        missing = sorted(kind.secret - set(given))
        if changed and not missing:
            return {}
        found = self._sealer.open(before.sealed, _place(before.section, before.name))
        if changed and (needed := [each for each in missing if found.get(each)]):
            raise ValueError(f"{needed[0]}: enter it again, as {changed[0]} is another one now")
        return found

    def _check_unwritten(self, kind: EnteredSection, name: str, given: Mapping[str, object]) -> None:
        if fixed := _written(kind, _at(self.written, kind.path), name, given):
            raise ValueError(f"{fixed}: is written in canary.toml or the environment, which wins; change it there")
        if unknown := set(given) & kind.fixed:
            raise ValueError(f"{min(unknown)}: is set in canary.toml only")

    def _check_key(self, session: Session) -> None:
        """Seal nothing by a second key: what the first one sealed would never be read again. Raises SealBroken."""
        for entry in entries(session):
            if entry.sealed:
                self._sealer.open(entry.sealed, _place(entry.section, entry.name))


def role_of(section: str) -> str:
    """Return the role that is started for what is entered in a section, empty where all run anyway."""
    return "mailboxes" if section in MAILBOXES else "ingest" if section in SERVICES else ""


def _written(kind: EnteredSection, there: Any, name: str, given: Mapping[str, object]) -> str:
    """Return what of an entry the file has, empty where it has nothing of it."""
    if kind.optional:
        return ".".join(kind.path) if there else ""
    fixed = {name} & set(there) if kind.named else set(given) & set(there.model_fields_set)
    return ".".join((*kind.path, min(fixed))) if fixed else ""


def _single_view(
    kind: EnteredSection, section: str, there: Any, ours: Any, entered: Mapping[str, EnteredValues], fault: str
) -> list[SettingView]:
    """Return the view of the one entry of a section; of an optional one that is not there, none."""
    if there is not None:
        written = kind.model.model_fields if kind.optional and ours else ours.model_fields_set if ours else ()
        return [replace(_view(kind, section, "", there), written=frozenset(written), fault=fault)]
    return [SettingView(section, "", entered[""].plain, fault=fault)] if fault else []


def _view(kind: EnteredSection, section: str, name: str, model: BaseModel) -> SettingView:
    plain = model.model_dump(mode="json", exclude=set(kind.secret))
    return SettingView(section, name, plain, secrets=frozenset(f for f in kind.secret if getattr(model, f)))


def check_entered(store: Database, settings: Settings) -> str:
    """Return what was entered in the browser in a line; raises SealBroken or ValueError with the cure where it is not in force."""
    with store.reading() as session:
        entered = entries(session)
    for fault in in_force(settings, entered, sealer_of(settings)).faults.values():
        raise ValueError(fault)
    return f"{len(entered)} in force" if entered else "nothing was entered in the browser"

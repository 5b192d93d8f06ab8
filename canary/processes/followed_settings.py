"""The settings with what is entered now, asked for again and again by a role that has to do with inlets."""

import logging
from collections.abc import Sequence

from canary.processes.entered import EnteredSettings, InForce
from canary.processes.logs import log_to_stderr
from canary.processes.spools import clock
from canary.processes.stores import open_store
from canary.settings import Settings
from canary.store.database import is_down

log = logging.getLogger("canary.processes.followed_settings")


class FollowedSettings:
    """The settings as they are now, or as they were last while the store is down.

    Secrets that were entered are masked in the log from then on; what is not in force of some sections is logged.
    """

    def __init__(self, settings: Settings, sections: Sequence[str]) -> None:
        """Begin with what is written; the store may be down."""
        self._settings, self._sections = settings, sections
        self._store, self._entered = open_store(settings), EnteredSettings(settings, clock)
        self._seen, self._answered = InForce(settings), False

    def __call__(self) -> Settings:
        """Return the settings in force."""
        try:
            with self._store.reading() as session:
                found = self._entered.current(session)
            self._answered = True
        except Exception as fault:
            if not is_down(fault):
                raise
            found = self._seen
        if found is not self._seen:
            self._seen = found
            self._log(found)
        return found.settings

    @property
    def is_whole(self) -> bool:
        """Whether all is in force that was entered in these sections, as far as the store ever said so."""
        return self._answered and not any(section in self._sections for section, _ in self._seen.faults)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _log(self, found: InForce) -> None:
        chosen = self._settings.log
        log_to_stderr(chosen.level, json_lines=chosen.json_lines, mask=found.settings.mask)
        for line in (line for (section, _), line in found.faults.items() if section in self._sections):
            log.warning("%s", line)

"""What the pages need of the settings that may be entered in the browser; the process that serves them has it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from sqlmodel import Session
from starlette.exceptions import HTTPException

from canary.model.alert import DestinationView
from canary.model.entered import SettingView


class SettingsDesk(Protocol):
    """Reads and changes the settings in force: those of the file, and beside them what was entered."""

    def destinations(self, session: Session) -> Sequence[DestinationView]:
        """Return the destinations of alerts without their addresses and secrets."""

    def retention(self, session: Session) -> timedelta | None:
        """Return how long mail that no case needs is kept whole, None for ever."""

    def views(self, session: Session, section: str) -> Sequence[SettingView]:
        """Return the entries of a section as pages show them."""

    def enter(self, session: Session, section: str, name: str, given: Mapping[str, object], who: str) -> None:
        """Write an entry; a secret that is left out stays as it was. Raises ValueError in one line."""

    def remove(self, session: Session, section: str, name: str, who: str) -> None:
        """Remove an entry; raises Unknown."""


def desk_of(desk: SettingsDesk | None) -> SettingsDesk:
    """Return the desk; raises HTTPException 404 where the site was built without one."""
    if desk is None:
        raise HTTPException(404, "Settings are not changed here.")
    return desk

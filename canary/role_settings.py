"""The section of the settings for mail to postmaster and abuse, which anybody may send."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class RoleMailSettings(BaseModel):
    """Mail to postmaster and abuse; quotas are for each receiving process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=256 * 1024, ge=1024, description="Largest mail, in octets.")
    network_quota: int = Field(default=20, ge=0, description="Mails of one network a day; 0: no limit.")
    quota: int = Field(default=500, ge=0, description="Mails a day in all; 0: no limit.")
    days: int = Field(default=30, ge=0, le=36500, description="Days after which they go; 0 keeps them.")

    @property
    def after(self) -> timedelta | None:
        """The days as a time, None for ever."""
        return timedelta(days=self.days) if self.days else None

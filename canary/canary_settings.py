"""The section of the settings for addresses themselves."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class CanarySettings(BaseModel):
    """How long an address that a program made is on view without a mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tentative_days: int = Field(
        default=14,
        ge=0,
        le=3650,
        description="Days after which an address that a program made and that got no mail goes out of the lists; 0: never.",
    )

    @property
    def rests_after(self) -> timedelta | None:
        """The same, as the job takes it; None for never."""
        return timedelta(days=self.tentative_days) if self.tentative_days else None

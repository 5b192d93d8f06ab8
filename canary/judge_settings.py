"""The section of the settings that judging goes by: how senders are learned, and files that extend the registries."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class JudgeSettings(BaseModel):
    """How senders of a vendor are learned from mail, and what is known of suppliers, platforms and forwarders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_days: int = Field(
        default=42,
        ge=0,
        le=3650,
        description="Days after an address was issued in which an account that bears the vendor's own proof is learned.",
    )
    case_at: float = Field(
        default=0.5,
        ge=0.0,
        lt=1.0,
        description="How likely a leak must be for a case to open; what is less likely is watched.",
    )
    suppliers: tuple[Path, ...] = Field(default=(), description="Your own files of mail providers ([[supplier]] rows).")
    platforms: tuple[Path, ...] = Field(default=(), description="Your own files of platforms ([[platform]] rows).")
    forwarders: tuple[Path, ...] = Field(default=(), description="Your own files of forwarders ([[forwarder]] rows).")

    @property
    def learning(self) -> timedelta:
        """The same, as the pipeline takes it."""
        return timedelta(days=self.learning_days)

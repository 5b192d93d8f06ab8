"""The section of the settings for the log of evidence: its key, who stamps it, and where its state is shown to others."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator


class StampAuthority(BaseModel):
    """An authority that stamps time (RFC 3161)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    roots: Path | None = None

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return url


class EvidenceSettings(BaseModel):
    """The log that cannot be rewritten, and who witnesses it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_file: Path | None = Field(
        default=None, description="Key of the log; log.key in the data folder if left out. All machines have the same."
    )
    authorities: dict[str, StampAuthority] = Field(
        default={},
        description="Authorities that stamp the log every hour, by name: url, and roots if not in the stamp.",
    )
    publish: Path | None = Field(
        default=None, description="Folder into which the state of the log is written every hour, for others to copy."
    )

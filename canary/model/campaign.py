"""What makes mails one campaign: similar texts, and the features they share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FeatureKind(StrEnum):
    """A feature that shows two mails to be one campaign; `text` means similar texts, the others equal values."""

    TEXT = "text"
    WORDS = "words"
    SUBJECT = "subject"
    SENDER = "sender"
    LINK = "link"
    ATTACHMENT = "attachment"
    DKIM = "dkim"
    ACCOUNT = "account"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Feature:
    """One strong feature of a mail: its kind and its normal value, at most 200 characters."""

    kind: FeatureKind
    value: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """The MinHash of a text: `digest` is equal for equal normal texts, `bands` overlap for texts that are similar.

    All numbers are signed 64-bit; `signature` holds little-endian 32-bit numbers.
    """

    digest: int
    signature: bytes
    bands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CampaignSending:
    """What one mail shows of its campaign; there is no sketch where its text is too short to prove anything."""

    sketch: Sketch | None = None
    features: tuple[Feature, ...] = ()


@dataclass(frozen=True, slots=True)
class CampaignLink:
    """Why a mail joined a campaign: how similar its text is to one seen there (0 to 1), and the features both have."""

    likeness: float = 0.0
    features: tuple[Feature, ...] = ()

    @property
    def rank(self) -> tuple[float, int]:
        """The stronger of two links has the higher rank: more similar text first, then more features."""
        return self.likeness, len(self.features)

    def plain(self) -> list[dict[str, str]]:
        """Return the evidence as JSON can hold it, strongest first."""
        text = [{"kind": FeatureKind.TEXT.value, "value": f"{self.likeness:.2f}"}] if self.likeness else []
        return text + plain_features(self.features)


def plain_features(features: tuple[Feature, ...]) -> list[dict[str, str]]:
    """Return features as JSON can hold them."""
    return [{"kind": f.kind.value, "value": f.value} for f in features]


def read_features(kept: Iterable[Mapping[str, Any]]) -> tuple[Feature, ...]:
    """Return features that were stored as JSON."""
    return tuple(Feature(FeatureKind(f["kind"]), str(f["value"])) for f in kept)

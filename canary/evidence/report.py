"""What verifying a pack brings to light: sentences, each with what it rests on."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """What a sentence about a pack rests on."""

    PROVEN = "proven"
    """Recomputed from the pack itself, with no trust in anybody."""

    WITNESSED = "witnessed"
    """The word of somebody else: an authority that stamps time, or who kept a checkpoint."""

    WORD = "owner's word"
    """Said by whom the pack is from, and by nobody else."""

    UNCHECKED = "not checked"
    """It could not be checked here; the sentence says what is missing."""

    FAULT = "fault"
    """It is not as it should be: something was changed, left out or exchanged."""


HEADINGS = {
    Basis.FAULT: "What does not hold",
    Basis.PROVEN: "What is proven by this file itself",
    Basis.WITNESSED: "What others witness",
    Basis.WORD: "What is only the owner's word",
    Basis.UNCHECKED: "What was not checked",
}


@dataclass(frozen=True, slots=True)
class VerifyFinding:
    """One sentence about a pack: what it rests on, what it is about (`log`, `mail`, `dkim` ...), and the sentence."""

    basis: Basis
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All sentences about a pack."""

    findings: tuple[VerifyFinding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with the pack."""
        return not any(finding.basis is Basis.FAULT for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence."""
        faults = sum(finding.basis is Basis.FAULT for finding in self.findings)
        if faults:
            return f"This evidence does not hold: {faults} {'thing is' if faults == 1 else 'things are'} wrong with it."
        return "This evidence holds: all that can be recomputed was, and is as the pack says."

    def lines(self) -> Iterable[str]:
        """Yield the report line by line, what is wrong first."""
        yield self.verdict
        for basis, heading in HEADINGS.items():
            its = [finding.text for finding in self.findings if finding.basis is basis]
            if its:
                yield ""
                yield f"{heading}:"
                yield from (f"  - {text}" for text in its)

    def document(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "holds": self.holds, "verdict": self.verdict,
            "findings": [{"basis": f.basis.value, "about": f.about, "text": f.text} for f in self.findings],
        }  # fmt: skip

"""Official vectors of DKIM and ARC, read in place from `CANARY_SUITES`: cases with the records that belong to them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from canary.model.proof import ArcResult
from tests.signer import Zone, chained

FOLDER = Path(os.environ.get("CANARY_SUITES", Path(__file__).parent.parent / "../shared/suites"))


@dataclass(frozen=True, slots=True)
class ArcCase:
    """One case of the ValiMail suite; `status` is the chain validation status it wants."""

    name: str
    mail: bytes
    zone: Zone
    status: str


def arc_cases() -> list[ArcCase]:
    """All cases of the ValiMail suite, none where it is absent."""
    path = FOLDER / "arc/arc-draft-validation-tests.yml"
    return list(_arc_cases(path)) if path.exists() else []


def _arc_cases(path: Path) -> Iterator[ArcCase]:
    for scenario in yaml.load_all(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        zone: Zone = {name: {"TXT": [record]} for name, record in scenario["txt-records"].items()}
        for name, test in scenario["tests"].items():
            yield ArcCase(name, test["message"].encode(), zone, _status(test["cv"]))


def _status(wanted: str) -> str:
    # The suite leaves `cv` empty where the sealer is not to add a set of its own: a seal already says cv=fail, so
    # the chain has ended. For the validator that is a chain that fails (RFC 8617 section 5.2, step 2, and for a
    # cv=fail below the newest seal step 3).
    return wanted.lower() or "fail"


def arc_passes(case: ArcCase) -> bool:
    """Whether we find the status that the suite wants."""
    return judge_arc(case).result.value == case.status


def judge_arc(case: ArcCase) -> ArcResult:
    """What our ARC says."""
    return chained(case.mail, case.zone)


def signed_mails(pattern: str) -> list[Path]:
    """Files of signed mail under the DNS records that verify them, none where the suite is absent."""
    return sorted(FOLDER.glob(pattern))


def opened(path: Path) -> tuple[bytes, Zone]:
    """The mail of such a file, and its records."""
    records, _, mail = path.read_bytes().partition(b"\n\n")
    pairs = [line.split(" ", 1) for line in records.decode().splitlines()]
    return mail, {name: {"TXT": [record]} for name, record in pairs}

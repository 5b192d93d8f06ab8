"""The forms in which a case is given on to other systems."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from canary.cases.sharing.cef import cef_lines
from canary.cases.sharing.facts import SharedCase
from canary.cases.sharing.misp import misp_event
from canary.cases.sharing.ocsf import ocsf_events
from canary.cases.sharing.stix import stix_bundle


class ShareForm(StrEnum):
    """The name of a form."""

    STIX = "stix"
    MISP = "misp"
    OCSF = "ocsf"
    CEF = "cef"


@dataclass(frozen=True, slots=True)
class ShareWriter:
    """How a form is written; `ending` is that of its files, `media` the type of what they contain."""

    write: Callable[[SharedCase], str]
    ending: str
    media: str


def _json(make: Callable[[SharedCase], object]) -> Callable[[SharedCase], str]:
    return lambda case: json.dumps(make(case), indent=1, ensure_ascii=True) + "\n"


WRITERS: Mapping[ShareForm, ShareWriter] = {
    ShareForm.STIX: ShareWriter(_json(stix_bundle), "stix.json", "application/stix+json;version=2.1"),
    ShareForm.MISP: ShareWriter(_json(misp_event), "misp.json", "application/json"),
    ShareForm.OCSF: ShareWriter(_json(ocsf_events), "ocsf.json", "application/json"),
    ShareForm.CEF: ShareWriter(cef_lines, "cef", "text/plain; charset=utf-8"),
}

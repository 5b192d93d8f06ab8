"""The form for a destination of alerts, as the pages that show it have it."""

from typing import get_args

from pydantic import BaseModel

from canary.model.alert import SEVERITY, DestinationKind, Mode, Severity
from canary.model.entered import SettingView
from canary.model.verdict import Verdict
from canary.web.rendering import FormText
from canary.web.word_lists import read_words, written_lists

CHOICES = {
    "kind": get_args(DestinationKind),
    "mode": ("", *(mode.value for mode in Mode)),
    "severity": tuple(severity.name.lower() for severity in Severity),
    "kinds": tuple(SEVERITY),
    "verdicts": tuple(verdict.value for verdict in Verdict),
}
"""What may be chosen, by field; an empty mode is the usual one of the kind."""

_LISTS = ("vendors", "tags", "verdicts", "kinds")


class DestinationForm(BaseModel):
    """The form, as it comes in; lists are words with commas between."""

    name: FormText = ""
    kind: FormText = ""
    url: FormText = ""
    secret: FormText = ""
    mode: FormText = ""
    severity: FormText = "low"
    vendors: FormText = ""
    tags: FormText = ""
    verdicts: FormText = ""
    kinds: FormText = ""
    back: FormText = ""

    def values(self) -> dict[str, object]:
        """Return what was filled in; a secret that was left empty is not in it, and so stays as it was."""
        secret = {name: value.strip() for name in ("url", "secret") if (value := getattr(self, name)).strip()}
        lists = {name: read_words(getattr(self, name)) for name in _LISTS}
        mode = {"mode": self.mode} if self.mode else {}
        return {"kind": self.kind, "severity": self.severity, **secret, **mode, **{n: w for n, w in lists.items() if w}}


def form_of(view: SettingView) -> DestinationForm:
    """Return the form of a destination that there is, without its secrets."""
    plain = {name: str(view.values.get(name) or "") for name in ("kind", "mode", "severity")}
    return DestinationForm(name=view.name, **plain, **written_lists(view.values, _LISTS))

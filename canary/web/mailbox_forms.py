"""The forms for mailboxes, as the page that shows them has them."""

from pydantic import BaseModel

from canary.model.entered import SettingView
from canary.web.rendering import FormText
from canary.web.word_lists import read_words, written_lists

SECURITY = ("tls", "starttls", "none")
KINDS = ("imap", "maildir")
"""The kinds of mailboxes, each a section of what is entered."""

_PLAIN = {"imap": ("host", "port", "security", "user"), "maildir": ("path",)}
_LISTS = {"imap": ("folders", "receivers"), "maildir": ("receivers",)}


class MailboxForm(BaseModel):
    """The form, as it comes in; lists are words with commas between."""

    kind: FormText = "imap"
    name: FormText = ""
    host: FormText = ""
    port: FormText = ""
    security: FormText = ""
    user: FormText = ""
    password: FormText = ""
    folders: FormText = ""
    path: FormText = ""
    receivers: FormText = ""

    def values(self) -> dict[str, object]:
        """Return what was filled in; a password that was left empty is not in it, and so stays. Raises ValueError."""
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind[:20]!r}: choose imap or maildir")
        plain: dict[str, object] = {n: text for n in _PLAIN[self.kind] if (text := getattr(self, n).strip())}
        if "port" in plain:
            plain["port"] = _port(str(plain["port"]))
        secret = {"password": self.password} if self.kind == "imap" and self.password else {}
        return {**plain, **secret, **{n: words for n in _LISTS[self.kind] if (words := read_words(getattr(self, n)))}}


def form_of(view: SettingView) -> MailboxForm:
    """Return the form of a mailbox that there is, without its password."""
    plain = {name: str(view.values.get(name) or "") for name in _PLAIN[view.section]}
    return MailboxForm(kind=view.section, name=view.name, **plain, **written_lists(view.values, _LISTS[view.section]))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise ValueError(f"port {text[:20]!r}: give a number, mostly 993")
    return int(text)

"""Signs that one person wrote to another: only those count that show a mail was written for one recipient."""

import re

from canary.judge.bulk import bulk_signs
from canary.mail.text import words
from canary.model.mail import ParsedMail

LONGEST = 5_000
FEW = 3

_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|hallo|liebe[rs]?|moin|guten (?:tag|morgen)|bonjour|salut|ch[eè]re?"
    r"|hola|querid[oa]|estimad[oa]|olá|oi|car[oa]|ciao|beste|hoi|hej|kære)[ ,]{1,3}"
    r"(?:(?:mr|mrs|ms|herr|frau|m|mme|sr|sra|dr)\.? )?(\w{2,20})",
    re.IGNORECASE,
)
_ANYBODY = frozenset(
    """
    all amigo amiga beloved beneficiary client colleague customer dear email everybody everyone friend friends there
    guest handsome holder kollege kunde kunden madam member mister one partner poppet reader recipient sir subscriber
    supplier sweetie team there user vendor winner you account alle zusammen tous monsieur madame cliente usuario
    usuário senhor senhora señor señora utente signore signora klant lezer allemaal querida querido meu minha my the
    from your our we this is how are
    """.split()
)
_ANSWER = re.compile(r"\s*(?:re|aw|sv|antw|rv|ri|res|odp)\s*:", re.IGNORECASE)
_QUOTE = re.compile(r"(?m)^\s*>|\b(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|skrev)\b.{0,80}:\s*$")


def person_signs(mail: ParsedMail, address: str = "") -> tuple[str, ...]:
    """Return the signs that a person wrote to another, none where anything speaks against it.

    `address` is the canary it reached; mail that is not even addressed to it was sent in bulk.
    """
    to = {box.address.lower() for box in mail.recipients}
    small = 20 <= len(mail.text) <= LONGEST and len(mail.links) <= 1 and not mail.attachments
    if not small or not 1 <= len(to) <= FEW or (address and address not in to) or bulk_signs(mail):
        return ()
    tests = {
        "it answers in a thread": _is_answer(mail),
        "it greets somebody by name": _greets(mail.text),
        "it is signed with the sender's name": _is_signed(mail),
        "its mailbox has that name": _is_own_box(mail),
    }
    found = tuple(sign for sign, holds in tests.items() if holds)
    # Without a link there is less to gain by the mail, and two signs of a personal writer are enough.
    signed = _is_signed(mail) and _is_own_box(mail) and not mail.links
    return found if len(found) >= 3 or signed else ()


def _is_answer(mail: ParsedMail) -> bool:
    threaded = mail.has("in-reply-to", "references") and _ANSWER.match(mail.subject)
    return bool(threaded and _QUOTE.search(mail.text))


def _greets(text: str) -> bool:
    found = _GREETING.match(text.lstrip()[:200])
    return found is not None and found[1][0].isupper() and found[1].casefold() not in _ANYBODY


def _is_signed(mail: ParsedMail) -> bool:
    name = words(mail.sender.name)
    own = [line for line in mail.text.splitlines() if line.strip() and not line.lstrip().startswith(">")]
    last = [words(line) for line in own[1:][-6:] if len(line) <= 60]
    # "Winnie", or "Love to the dogs, Winnie".
    return bool(name) and any(
        name[0] in (line[0], line[-1]) or line[-len(name) :] == name for line in filter(None, last)
    )


def _is_own_box(mail: ParsedMail) -> bool:
    local = mail.sender.address.partition("@")[0].casefold()
    return any(len(part) >= 3 and part in local for part in words(mail.sender.name))


def thread_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Return the sign that a mail answers one that it names and quotes, as people do on lists too; of 1,400 spams none does."""
    return ("it answers in a thread",) if _is_answer(mail) else ()

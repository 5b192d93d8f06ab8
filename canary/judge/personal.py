"""Signs that one person wrote to another: only those count that show a mail was written for one recipient.

They are of form, so that they hold in any language; lists of words only take the benefit of the doubt away.
"""

import re
import unicodedata

from canary.judge.bulk import bulk_signs
from canary.judge.localpart import shape_of
from canary.mail.text import folded
from canary.model.attempt import LocalShape
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
    from your our we this is how are morning afternoon evening day tag morgen abend jour soir dias días tardes
    damen herren hello hi hallo klienci klientko kliencie państwo użytkowniku zákazníku zákazníci uživateli müşterimiz
    müşteri kund kunder käyttäjä asiakas ügyfelünk
    клиент клиенты клиентка друг друзья пользователь коллега коллеги покупатель партнер партнёр всем день вечер утро
    дамы господа господин получатель абонент клієнт клієнте друже
    πελατη πελάτη φιλε φίλε χρήστη συνεργάτη κύριε κυρία ημέρα μέρα
    客户 客戶 顾客 顧客 用户 用戶 会员 會員 朋友 各位 大家 亲 先生们 女士们 同事 お客様 お客さま 皆様 皆さま 各位様 会員様 ユーザー様 利用者様 担当者様 ご担当者様
    고객 고객님 회원 회원님 여러분 담당자 담당자님 사용자
    عميل عميلنا العميل الزبون صديق صديقي الصديق المستخدم مستخدم السيد السيدة الجميع אורח לקוח לקוחות חבר חברים משתמש
    ลูกค้า สมาชิก ท่าน ग्राहक मित्र सदस्य
    """.split()
)
_MARKS = ",.!:;\N{FULLWIDTH COMMA}\N{IDEOGRAPHIC COMMA}\N{FULLWIDTH COLON}\N{FULLWIDTH EXCLAMATION MARK}。\N{ARABIC COMMA}\N{ARABIC SEMICOLON}"
_CLAUSE = re.compile(f"(?<=[{_MARKS}])")
_HONORIFIC = re.compile(r"(?:様|さま|さん|くん|ちゃん|先生|殿|님|씨|女士|小姐|您好|你好|兄|姐|哥)$")
# "Re:" and what other languages write for it: a short word, and a colon of any kind.
_ANSWER = re.compile(r"\s*[^\W\d_]{1,8}(?:\[\d{1,3}\])?\s?[:\N{FULLWIDTH COLON}]")
_QUOTE = re.compile(
    r"(?m)^\s*>"  # quoted lines
    r"|^(?=.{0,200}(?:@|\d\d?[.:]\d\d)).{10,200}[:\N{FULLWIDTH COLON}]\s*$"  # when and who wrote
    r"|\b(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|skrev)\b.{0,80}:\s*$"
    r"|(?:^[^\n:\N{FULLWIDTH COLON}]{1,24}[:\N{FULLWIDTH COLON}][^\n]{1,200}\n){3}"  # the header of the mail
)
_CYRILLIC_AND_GREEK = dict(
    zip(
        "абвгдезийклмнопрстуфыэіїєґўαβγδεζηικλμνοπρστυφω",
        "abvgdeziiklmnoprstufyeiiegwabgdeziiklmnoprstifo",
        strict=True,
    )
) | {
    "ё": "e", "ж": "zh", "\N{CYRILLIC SMALL LETTER HA}": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya",
    "ς": "s", "θ": "th", "ξ": "x", "χ": "ch", "ψ": "ps",
}  # fmt: skip
_VOWELS = re.compile(r"[aeiouyjwh]+")
_PERSONAL = (LocalShape.NAME, LocalShape.WORD, LocalShape.NUMBERED)


def person_signs(mail: ParsedMail, address: str = "") -> tuple[str, ...]:
    """Return the signs that a person wrote to another, none where anything speaks against it.

    `address` is the canary it reached; mail that is not even addressed to it was sent in bulk.
    """
    to = {box.address.lower() for box in mail.recipients}
    small = 20 <= _weight(mail.text) <= LONGEST and len(mail.links) <= 1 and not mail.attachments
    if not small or not 1 <= len(to) <= FEW or (address and address not in to) or bulk_signs(mail):
        return ()
    signed, own = _is_signed(mail), _is_own_box(mail)
    tests = {
        "it answers in a thread": _is_answer(mail),
        "it greets somebody by name": _greets(mail),
        "it is signed with the sender's name": signed,
        "its mailbox has that name": own,
        "its mailbox looks like a person's": not own and signed and _is_persons_box(mail),
    }
    found = tuple(sign for sign, holds in tests.items() if holds)
    # Without a link there is less to gain by the mail, and two signs of a personal writer are enough.
    return found if len(found) >= 3 or (signed and own and not mail.links) else ()


def _weight(text: str) -> int:
    """Return the length of a text in letters of an alphabet: a character of Chinese or Korean says what three of them do."""
    return len(text) + 2 * sum(unicodedata.east_asian_width(c) == "W" for c in text[:LONGEST])


def _is_answer(mail: ParsedMail) -> bool:
    threaded = mail.has("in-reply-to", "references") and _ANSWER.match(mail.subject)
    return bool(threaded and _QUOTE.search(mail.text))


def _greets(mail: ParsedMail) -> bool:
    first, _, rest = mail.text.lstrip()[:200].partition("\n")
    found = _GREETING.match(first)
    if found is not None:
        return found[1][0].isupper() and found[1].casefold() not in _ANYBODY
    following = not rest.partition("\n")[0].strip()
    named = {word for box in mail.recipients for word in _name_words(box.name) if len(word) > 1}
    clauses = dict.fromkeys((first, _CLAUSE.split(first, maxsplit=1)[0]))
    return any(_is_salutation(clause, named, ends=following and clause == first) for clause in clauses)


def _is_salutation(clause: str, named: set[str], *, ends: bool) -> bool:
    """Whether a short clause, closed by a mark or an empty line, says a name; `named` are those of the recipients."""
    said = _name_words(clause)
    short = 1 <= len(said) <= 4 and len(clause) <= 40 and not any(map(str.isdigit, clause))
    if not short or not (ends or clause.rstrip().endswith(tuple(_MARKS))) or not _ANYBODY.isdisjoint(said):
        return False
    return not named.isdisjoint(said) or _ends_in_name(clause.strip(f"{_MARKS} \r"), said)


def _ends_in_name(clause: str, said: list[str]) -> bool:
    """Whether a salutation ends in a name: capitals, or where there are none an honorific or its place."""
    *before, last = clause.split() or [""]
    if last.lower() != last.upper():
        middle = before[1:]
        return len(said) >= 2 and last[:1].isupper() and not last.isupper() and not any(map(str.istitle, middle))
    name = _HONORIFIC.sub("", clause)
    return (len(said) >= 2 or name != clause) and len(name) >= 1 and name not in _ANYBODY


def _is_signed(mail: ParsedMail) -> bool:
    name = _name_words(mail.sender.name)
    own = [line for line in mail.text.splitlines() if line.strip() and not line.lstrip().startswith(">")]
    last = [_name_words(line) for line in own[1:][-6:] if len(line) <= 60]
    return bool(name) and any(_says_name(line, name) for line in filter(None, last))


def _says_name(line: list[str], name: list[str]) -> bool:
    """Whether a line says a name: "Winnie", or "Love to the dogs, Winnie", with or without the spaces of the name."""
    ends, wholes = (line[0], line[-1]), ("".join(name), "".join(reversed(name)))
    if any(len(part) > 1 and part in ends for part in (name[0], name[-1])) or line[-len(name) :] == name:
        return True
    if len(wholes[0]) < 2 or wholes[0].upper() != wholes[0]:
        return False
    # Names of scripts without capitals are often written without a space, and by one half.
    return any(
        len(end) > 1 and (whole.startswith(end) or whole.endswith(end) or end.startswith(whole))
        for end in (*ends, "".join(line))
        for whole in wholes
    )


def _is_own_box(mail: ParsedMail) -> bool:
    local = mail.sender.address.partition("@")[0].casefold()
    bones = _VOWELS.sub("", local)
    for word in _name_words(mail.sender.name):
        latin = "".join(_CYRILLIC_AND_GREEK.get(c, c) for c in _plain(word))
        if (len(latin) >= 3 and (word in local or latin in local)) or (
            latin != word and len(b := _VOWELS.sub("", latin)) >= 3 and b in bones
        ):
            return True
    return False


def _is_persons_box(mail: ParsedMail) -> bool:
    """Whether a name that no Latin letters could write has a mailbox that a person may have."""
    local, name = mail.sender.address.partition("@")[0], mail.sender.name
    return name.upper() == name.lower() and shape_of(local) in _PERSONAL


def _name_words(text: str) -> list[str]:
    """Return the words of a short text, folded, with the marks that many scripts write vowels by."""
    return "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in folded(text[:300])).split()


def _plain(word: str) -> str:
    """Return a word without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")


def thread_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Return the sign that a mail answers one that it names and quotes, as people do on lists too; of 1,400 spams none does."""
    return ("it answers in a thread",) if _is_answer(mail) else ()

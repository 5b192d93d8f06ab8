"""Known shapes of fraud: what the text says, what is attached, where links lead. Each has a name; none is learned."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple

from canary.judge.memo import once
from canary.mail.text import link_host
from canary.model.mail import ParsedMail

MAX_TEXT = 32 * 1024
MAX_LINKS = 50
LONG = 1500
"""From so many letters on words of fraud stand in honest newsletters too, by chance."""

# A shape is found when each of its groups has a phrase: what is said, and what is wanted.
_SHAPES: dict[str, tuple[tuple[str, ...], ...]] = {
    "extortion": (
        (
            "recorded you", "your webcam", "your camera", "hacked your", "infected your", "access to your device",
            "compromising", "adult site", "porn", "i know your password", "your contacts", "aufgenommen", "ihre webcam",
            "kompromittierend", "ihre kontakte", "votre webcam", "vos contacts", "enregistré une vidéo", "tu cámara",
            "tus contactos", "te he grabado", "sua webcam", "seus contatos", "gravei você", "la tua webcam",
            "i tuoi contatti", "je webcam", "je contacten",
        ),
        ("bitcoin", "btc", "crypto wallet", "usdt", "monero", "ethereum"),
    ),
    "advance fee": (
        (
            "inheritance", "next of kin", "beneficiary", "lottery", "compensation fund", "million dollars", "million euro",
            "unclaimed", "donation", "trunk box", "consignment", "fund transfer", "your fund", "deceased client", "my late",
            "atm card", "erbschaft", "begünstigt", "spende", "verstorbenen", "héritage", "bénéficiaire", "feu mon mari",
            "herencia", "beneficiario", "difunto", "donación", "herança", "beneficiário", "doação", "falecido", "fundos",
            "eredità", "donazione", "erfenis", "begunstigde", "schenking", "your compensation", "million usd", "us$",
        ),
        (
            "contact me", "reply to me", "get back to me", "private email", "barrister", "confidential", "diplomat",
            "united nation", "monetary fund", "fbi", "cancer", "dying", "god bless", "your full name", "attorney",
            "bank manager", "dear friend", "western union", "kontaktieren sie mich", "vertraulich", "rechtsanwalt",
            "krebs", "contactez-moi", "confidentiel", "avocat", "contácteme", "confidencial", "abogado", "cáncer",
            "entre em contato", "advogado", "câncer", "fmi", "mi contatti", "avvocato", "neem contact", "advocaat",
        ),
    ),
    "romance": (
        (
            "lonely", "looking for a lover", "looking for a man", "available girls", "wish to see me", "chat with me",
            "my photos", "sexy", "dating", "soulmate", "handsome", "einsam", "je suis seule", "estoy sola", "sozinha",
            "sono sola", "eenzaam", "want to talk", "want to chat", "hot girls",
        ),
        (
            "write me", "write to me", "contact me", "click here", "reply to me", "see my", "meet", "my profile", "talk", "https",
            "schreib mir", "écris-moi", "escríbeme", "me escreva", "scrivimi", "schrijf me",
        ),
    ),
    "account alarm": (
        (
            "verify your account", "account has been", "account is", "suspended", "unusual activity", "unusual sign",
            "confirm your identity", "password will expire", "password expires", "mailbox is full", "storage is full",
            "security alert", "has been limited", "has been locked", "konto wurde", "gesperrt", "ungewöhnliche aktivität",
            "verifizieren sie", "votre compte", "suspendu", "activité inhabituelle", "su cuenta", "tu cuenta",
            "suspendida", "actividad inusual", "sua conta", "suspensa", "bloqueada", "atividade incomum", "il tuo account",
            "sospeso", "uw rekening", "uw account", "geblokkeerd",
        ),
        (
            "click", "log in", "login", "sign in", "within 24", "within 48", "24 hours", "48 hours", "immediately", "verify now",
            "update now", "klicken", "innerhalb von", "umgehend", "jetzt bestätigen", "cliquez", "immédiatement", "haga clic",
            "haz clic", "inmediatamente", "clique", "imediatamente", "regularize", "clicca", "immediatamente", "klik",
            "onmiddellijk",
        ),
    ),
    "parcel held": (
        (
            "your parcel", "your package", "delivery attempt", "being held", "could not be delivered", "ihr paket",
            "sendung", "votre colis", "su paquete", "tu paquete", "sua encomenda", "seu pacote", "il tuo pacco", "uw pakket",
        ),
        (
            "fee", "customs", "confirm your address", "reschedule", "pay ", "gebühr", "zoll", "frais", "douane", "tasa",
            "aduana", "taxa", "alfândega", "dogana", "spese", "kosten", "verzendkosten",
        ),
    ),
    "prize": (
        (
            "you have won", "you've won", "you won ", "you are a winner", "have been selected", "won a free", "claim your reward",
            "claim your prize", "claim your gift", "mystery box", "sie haben gewonnen", "sie wurden ausgewählt", "vous avez gagné",
            "vous avez été sélectionné", "has ganado", "ha ganado", "ha sido seleccionado", "você ganhou", "foi selecionado",
            "pontos", "hai vinto", "sei stato selezionato", "je hebt gewonnen", "u bent geselecteerd",
        ),
        (
            "claim", "click", "reward", "prize", "confirm", "before it expires", "expire", "einlösen", "anfordern",
            "klicken", "réclamer", "cliquez", "reclama", "haz clic", "resgat", "clique", "expira", "riscuoti", "clicca", "klik",
        ),
    ),
    "crypto offer": (
        (
            "airdrop", "staking", "web3", "nft", "presale", "metamask", "trust wallet", "binance", "coinbase", "cryptocurrency",
            "bitcoin invest", "crypto invest", "free bitcoin", "kryptowährung", "cryptomonnaie", "criptomoneda", "criptomoeda",
            "criptovaluta",
        ),
        (
            "claim", "connect your wallet", "mint", "invest", "earn", "free", "bonus", "profit", "limited time", "join now",
            "verify", "gewinn", "gagnez", "gana", "ganhe", "guadagna", "verdien",
        ),
    ),
    "false invoice": (
        (
            "wire transfer", "overdue invoice", "payment declined", "update your payment", "order confirmation",
            "subscription has been renewed", "will be charged", "has been charged", "auto-renew", "nota fiscal",
            "offene rechnung", "mahnung", "facture impayée", "factura pendiente", "fatura", "boleto", "fattura scaduta",
            "openstaande factuur", "bank details have changed", "purchase order",
        ),
        (
            "call us", "toll free", "helpline", "cancel", "refund", "immediately", "attached", "click", "new account",
            "anhang", "sofort", "ci-joint", "immédiat", "adjunto", "inmediat", "em anexo", "anexo", "allegat", "bijlage",
            "ligue", "cancelar",
        ),
    ),
    "business offer": (
        (
            "business proposal", "investment partner", "business partner", "finance your", "loan offer", "funding for",
            "investment opportunity", "business/investment", "mutual benefit", "geschäftsvorschlag", "kreditangebot",
            "proposition d'affaires", "offre de prêt", "propuesta de negocio", "oferta de préstamo", "proposta de negócio",
            "oferta de empréstimo", "proposta d'affari", "zakelijk voorstel", "lening",
        ),
        (
            "reply", "contact", "get back", "interest", "more details", "whatsapp", "antworten", "répond", "respond",
            "responda", "rispond", "antwoord",
        ),
    ),
    "software lure": (
        ("upgrade now", "download the new version", "reader update", "install the update", "your antivirus", "jetzt aktualisieren"),
        ("download", "install", "click", "renew", "herunterladen", "télécharge", "descarg", "baixe", "scarica"),
    ),
    "remedy": (
        ("viagra", "cialis", "impoten", "erectile", "manhood", "weight loss", "keto", "cbd", "pharmacy", "xanax"),
        ("order", "buy", "click", "discount", "try", "save", "https", "bestell", "achet", "compr"),
    ),
}  # fmt: skip


class _PhraseGroup(NamedTuple):
    """Phrases of which one is enough: single beginnings of words, and phrases by their first word."""

    beginnings: tuple[str, ...]
    phrases: Mapping[str, tuple[str, ...]]


def _group(phrases: Sequence[str]) -> _PhraseGroup:
    by_first: dict[str, tuple[str, ...]] = {}
    for phrase in phrases:
        first, space, _ = phrase.partition(" ")
        by_first[first if space else ""] = (*by_first.get(first if space else "", ()), f" {phrase}")
    return _PhraseGroup(by_first.pop("", ()), by_first)


_PHRASES = {shape: tuple(_group(group) for group in groups) for shape, groups in _SHAPES.items()}
"""Phrases begin where words do."""
_BREAKS = re.compile(r"[\s.,;:!?\"()<>*|\[\]]+")
_RISKY = re.compile(
    r"\.(?:exe|scr|com|bat|cmd|pif|js|jse|vbs|wsf|hta|lnk|iso|img|vhdx?|jar|ps1|msi|cpl|docm|xlsm|pptm|one|ace|shtml?|html?)$",
    re.IGNORECASE,
)
_SHORTENERS = frozenset(
    "bit.ly t.co goo.gl tinyurl.com is.gd ow.ly cutt.ly rb.gy rebrand.ly t.ly shorturl.at s.id".split()
)
_BARE_ADDRESS, _NAME_BEFORE_AT, _OTHER_SITE = "a bare IP address", "a name before an @", "text that shows another site"
_TRAPS = (_BARE_ADDRESS, _NAME_BEFORE_AT)
_CREDENTIALS: dict[str, tuple[str, ...]] = {
    what: tuple(f" {phrase}" for phrase in phrases)
    for what, phrases in {
        "a PIN": (
            "your pin", "pin code", "pin number", "one-time code", "your tan", "ihre pin", "ihre tan", "votre code",
            "su pin", "tu pin", "seu pin", "il tuo pin", "uw pincode", "je pincode",
        ),
        "a password": (
            "your password", "current password", "password to", "ihr passwort", "ihrem passwort", "kennwort", "mot de passe",
            "su contraseña", "tu contraseña", "sua senha", "la tua password", "uw wachtwoord", "je wachtwoord",
        ),
        "a log-in": (
            "log in to", "log-in", "login", "sign in", "sign-in", "einloggen", "melden sie sich an", "anmelden", "connectez-vous",
            "inicie sesión", "inicia sesión", "iniciar sessão", "entre na sua conta", "accedi", "inloggen", "log in at",
            "verify your account", "verify your identity", "confirm your identity", "validate your",
        ),
        "a card": (
            "card number", "card details", "credit card", "payment details", "bank details", "iban", "kartennummer", "zahlungsdaten",
            "numéro de carte", "coordonnées bancaires", "número de tarjeta", "número do cartão", "numero di carta", "kaartnummer",
        ),
        "a renewal": (
            "renew your", "renewal", "to renew", "your subscription expires", "subscription has expired", "verlängern sie",
            "verlängerung", "renouveler", "renouvelez", "renovar", "renueve", "renove", "rinnova", "verlengen",
        ),
    }.items()
}  # fmt: skip
_TARGET = re.compile(r"href\s?=\s?[\"']?(https?://[^\s\"'>]{1,1000})[^>]{0,500}>([^<]{4,200})$", re.IGNORECASE)
_DOMAIN = re.compile(r"^\s*(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,12})(?:[/?#]\S*)?\s*$", re.IGNORECASE)


def is_letter(mail: ParsedMail) -> bool:
    """Whether it is a long text to subscribers, in which words of fraud are met by chance."""
    return len(mail.text) >= LONG and mail.has("list-unsubscribe", "list-id")


@once
def fraud_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Return the known shapes of fraud in the words of a mail, in seven languages."""
    written = f" {mail.subject} {mail.text[:MAX_TEXT]}".casefold()
    said = _BREAKS.sub(" ", written.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    words = set(said.split(" "))
    return tuple(
        shape
        for shape, groups in _PHRASES.items()
        if all(
            # Few phrases begin with a word that is there, so few are looked for.
            any(map(said.__contains__, chain(beginnings, *(phrases[first] for first in phrases.keys() & words))))
            for beginnings, phrases in groups
        )
    )


def risky_files(mail: ParsedMail) -> tuple[str, ...]:
    """Return the attachments of kinds that run when they are opened, or that hide such files."""
    return tuple(file.name[:60] for file in mail.attachments if _RISKY.search(file.name.strip()))[:5]


@once
def link_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Return how links deceive: a bare address, a name before an @, a shortener, or text that shows another site."""
    return tuple(dict.fromkeys((*_of_links(mail), *_of_shown(mail))))


def _of_links(mail: ParsedMail) -> Iterator[str]:
    for link in mail.links:
        host = link_host(link)
        if _is_address(host):
            yield _BARE_ADDRESS
        if "@" in link.partition("://")[2].partition("/")[0]:
            yield _NAME_BEFORE_AT
        if host in _SHORTENERS:
            yield "a link shortener"


def _of_shown(mail: ParsedMail) -> Iterator[str]:
    for piece in mail.html[:MAX_TEXT].split("<a ", MAX_LINKS + 1)[1 : MAX_LINKS + 1]:
        found = _TARGET.search(piece.partition("</a")[0][:2000])
        name = _DOMAIN.match(found[2]) if found else None
        if found and name and not _related(name[1].lower(), link_host(found[1])):
            yield _OTHER_SITE


def link_traps(mail: ParsedMail) -> tuple[str, ...]:
    """Name how links hide where they lead, in ways that no honest sender has: a bare address, or a name before an @."""
    return tuple(sign for sign in link_signs(mail) if sign in _TRAPS)


@once
def credential_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Name what opens an account that a mail asks for: a PIN, a password, a card, a log-in or a renewal."""
    written = f" {mail.subject} {mail.text[:MAX_TEXT]}".casefold()
    said = _BREAKS.sub(" ", written).__contains__
    return tuple(what for what, phrases in _CREDENTIALS.items() if any(map(said, phrases)))


def _is_address(host: str) -> bool:
    if not (host[-1:].isdigit() or ":" in host):  # nearly every host, and an exception costs more
        return False
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _related(shown: str, target: str) -> bool:
    """Whether the last two labels of both names are equal; a mail provider's tracker counts as another site."""
    return shown.split(".")[-2:] == target.split(".")[-2:]

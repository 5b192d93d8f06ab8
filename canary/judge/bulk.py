"""Signs that a mail went to many recipients: its headers first, then its text and links."""

from canary.judge.memo import once
from canary.mail.text import link_host
from canary.model.mail import ParsedMail

MAX_TEXT = 64 * 1024

_HEADERS = (
    "list-unsubscribe", "list-id", "list-post", "feedback-id", "x-campaign", "x-campaignid", "x-campaign-id",
    "x-mailgun-sid", "x-sg-eid", "x-ses-outgoing", "x-mc-user", "x-job", "x-csa-complaints", "x-report-abuse",
    "x-mailer-recptid", "x-rpcampaign", "x-kmail-account", "x-mailin-client", "x-pm-message-id",
)  # fmt: skip
_PRECEDENCE = ("bulk", "list", "junk")
_PHRASES = (
    "unsubscribe", "view in browser", "view this email", "view online", "opt out", "opt-out", "manage preferences",
    "email preferences", "you are receiving this", "newsletter", "abmelden", "abbestellen", "im browser ansehen",
    "désabonner", "désinscrire", "version en ligne", "darse de baja", "cancelar la suscripción", "ver en el navegador",
    "cancelar inscrição", "descadastrar", "deixar de receber", "ver no navegador", "annulla l'iscrizione",
    "disiscriviti", "cancellati", "uitschrijven", "afmelden", "bekijk in browser", "отписаться", "配信停止",
    "відписатися", "wypisz się", "zrezygnować z subskrypcji", "odhlásit odběr", "aboneliğ", "leiratkoz", "avregistrera",
    "avprenumerera", "peruuta tilaus", "dezabon", "退订", "退訂", "取消订阅", "取消訂閱", "수신거부", "수신 거부", "구독 취소",
    "إلغاء الاشتراك", "להסרה מרשימ", "ακυρώσετε την εγγραφή", "ยกเลิกการสมัคร",
)  # fmt: skip


@once
def bulk_signs(mail: ParsedMail) -> tuple[str, ...]:
    """Return the signs that a mail went to many, the surest first."""
    names = {name.lower() for name, _ in mail.headers}
    found = [name for name in _HEADERS if name in names]
    if mail.header("precedence").lower() in _PRECEDENCE:
        found.append("precedence")
    text = mail.text[:MAX_TEXT].casefold()
    found += [f'"{phrase}"' for phrase in _PHRASES if phrase in text]
    if len({link_host(link) for link in mail.links}) >= 3 or len(mail.links) >= 5:
        found.append("many links")
    return tuple(found)

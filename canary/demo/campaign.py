"""March 2011: one campaign to the stolen addresses, and the noise that every mail domain gets anyway."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random

from canary.demo.html import HtmlPage
from canary.demo.letters import Box, Headers, Letter, multipart, part
from canary.demo.world import FRIEND, SPAMMER, DemoWorld, day, dice
from canary.model.canary import Canary

MAILS = 12
"""How many mails the spammer sends to the owner of the canaries; every fourth has the name."""

LURE_HOST = "reader-update.example"

_START, _SPAN = day("2011-03-20") + timedelta(hours=7, minutes=41), timedelta(days=4, hours=9)
_GREETINGS = ("Hello,", "Dear user,", "Good day,", "Dear subscriber,", "Attention reader owner,")
_OPENINGS = (
    "a Reader update has been prepared for your computer. Reader X opens any document twice as fast and is safe.",
    "your reader program is out of date. The new Reader X opens all documents and protects the private data in them.",
    "the new edition Reader X is published today. Owners of the older edition are entitled to change over.",
)
_REASONS = (
    "Create documents, share them with colleagues and print from anywhere. All functions in one program.",
    "More than forty functions are new: faster printing, safe signing, sharing with your office in seconds.",
    "Do more work in less time, and never again meet a document that will not open.",
)
_CALLS = ("Upgrade now: {link}", "To upgrade now press here: {link}", "Get your copy and upgrade now at {link}")
_ENDINGS = ("Reader Upgrade Center", "Your Reader Team 2011", "Upgrade Support Department", "Thank you. Reader Center")
_CHAFF = """
    anvil barrel cinder dapple ember furrow gable hinge inkwell jigsaw kettle ladder mantle nettle oyster pebble
    quarry ribbon saddle thimble umber velvet wicket yonder zipper bramble copper drizzle feather gravel hollow
""".split()

_GUESSED = """
    info admin sales office contact support john mary peter test webmaster postmaster hello mail jobs billing abuse
    root shop newsletter marketing david mike anna j.smith john.smith m.jones peter.brown sarah service team noreply
    playbox play hearthline me accounts orders spam user1 frontdesk
""".split()


def sendings(stolen: list[Canary], seed: int) -> Iterator[Letter]:
    """Yield the mails of the campaign: each a variant of one text, with the same link host, now and then with the name."""
    order = stolen[:1] + dice(seed, "campaign").sample(stolen[1:], len(stolen) - 1)
    for count in range(MAILS):
        chance = dice(seed, "campaign", count)
        at = _START + _SPAN * count / MAILS + timedelta(minutes=chance.randrange(90), seconds=chance.randrange(60))
        yield _lure(order[count % len(order)], at, chance, named=count % 4 == 3)


def lure_signer(count: int) -> str:
    """Return the domain that signs a mail of the campaign, empty for the many that are unsigned."""
    return SPAMMER if count % 4 == 1 else ""


def bounces(world: DemoWorld, issued: Mapping[str, Canary], seed: int) -> Iterator[Letter]:
    """Yield delivery reports for mail that nobody here sent: one before the leak, then some to stolen addresses."""
    stolen = [issued[order.key] for order in world.stolen]
    victims = (issued["farewing/signup/1"], stolen[0], stolen[-1])
    dates = ("2011-03-12T04:17:09", "2011-03-23T02:51:40", "2011-03-24T05:08:33")
    for to, host, date in zip(victims, ("cornmill.example", "quayside.test", "northbarn.example"), dates, strict=True):
        chance = dice(seed, "bounce", to.address)
        sender = Box("Mail Delivery System", f"MAILER-DAEMON@mx.{host}")
        headers = (("Auto-Submitted", "auto-replied"),)
        page = HtmlPage("", (f"{chance.choice(_CHAFF)}.{chance.randrange(100)}@{host}",))
        yield Letter(sender, Box("", to.address), _BOUNCED, page, day(date), _mark(chance), headers=headers)


def report(letter: Letter) -> bytes:
    """Return the body of a delivery report (RFC 3464); the letter's only block is the recipient that failed."""
    failed, host = str(letter.page.blocks[0]), letter.sender.domain
    told = (
        f"This is the mail system at host {host}.\n\nYour message could not be delivered to one or more "
        f"recipients.\n\n<{failed}>: mailbox unavailable\n"
    )
    status = (
        f"Reporting-MTA: dns; {host}\r\nArrival-Date: {letter.at:%a, %d %b %Y %H:%M:%S} +0000\r\n\r\n"
        f"Final-Recipient: rfc822; {failed}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 mailbox unavailable\r\n"
    )
    returned = f"From: {letter.to.address}\nTo: {failed}\nSubject: Your free gift card is waiting\n"
    parts = (
        part("text/plain", told),
        f"Content-Type: message/delivery-status\r\n\r\n{status}".encode(),
        part("text/rfc822-headers", returned),
    )
    return multipart("report; report-type=delivery-status", letter.mark, parts)


def strayed(issued: Mapping[str, Canary], seed: int) -> Letter:
    """Return a letter from one person to another that went to a wrong address."""
    text = (
        "Hi Rosalind,",
        "the scones were a triumph and your mother had three. I left the green umbrella in your hall, no hurry.",
        "Shall we say Saturday at two for the boat?",
        "Love to the dogs, Winnie",
    )
    to, chance = issued["lensford/signup/1"], dice(seed, "strayed")
    sender, at = Box("Winnie Aske", f"winnie@{FRIEND}"), day("2011-03-15T18:22:47")
    return Letter(sender, Box("", to.address), "Umbrella!", HtmlPage("", text), at, _mark(chance))


def guesses(world: DemoWorld, issued: Mapping[str, Canary]) -> tuple[str, ...]:
    """Return recipients as somebody guesses them who knows only the domain."""
    taken = {canary.address for canary in issued.values()}
    tried = (f"{local}@{world.domain}" for local in _GUESSED)
    return tuple(address for address in tried if address not in taken)


_BOUNCED = "Undelivered Mail Returned to Sender"


def _lure(to: Canary, at: datetime, chance: Random, *, named: bool) -> Letter:
    name = to.persona.given_name if named and to.persona else ""
    link = f"http://{LURE_HOST}/x/{chance.getrandbits(48):012x}"
    blocks = (
        f"Dear {name}," if name else chance.choice(_GREETINGS),
        chance.choice(_OPENINGS),
        chance.choice(_REASONS),
        chance.choice(_CALLS).format(link=link),
        chance.choice(_ENDINGS),
    )
    chaff = " ".join((*chance.sample(_CHAFF, 7), str(chance.randrange(10**6))))
    sender = Box("Reader Upgrade Center", f"update{chance.randrange(1000)}@softdesk-{chance.randrange(100)}.example")
    subject = f"Reader X is here: upgrade available now ({chance.randrange(10**4, 10**5)})"
    skin = chance.choice(("plain", "lure", "lure"))
    page = HtmlPage("Reader X 2011", blocks, chaff)
    return Letter(sender, Box("", to.address), subject, page, at, _mark(chance), skin, "#aa0000", _SPAM_HEADERS)


_SPAM_HEADERS: Headers = (("X-Priority", "3"), ("X-Mailer", "Blastmail 2.00.2"))


def _mark(chance: Random) -> str:
    return f"{chance.getrandbits(64):016x}"

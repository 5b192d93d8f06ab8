"""The owner's word that addresses are shown in public, where strangers collect them, which is no leak of the vendor.

Past mail is judged again by it, and the cases of the vendor are weighed again. Setting it back undoes it.
"""

from sqlmodel import Session

from canary.canaries import lifecycle
from canary.cases.past_mail import OwnerWord, judge_past_mail
from canary.cases.rejudge import RejudgeOutcome, decide_about
from canary.cases.weigh import weigh_vendor
from canary.model.address import Draw
from canary.store.queries import audit
from canary.store.queries.canaries import get_canary_row
from canary.store.queries.vendors import vendor_row
from canary.store.tables import VendorRow

_OF_ADDRESS = {
    True: "{who} said that {what} is shown in public.",
    False: "{who} said that {what} is not shown in public.",
    None: "{who} said that {what} is shown in public if its vendor's addresses are.",
}
_OF_VENDOR = {
    True: "{who} said that {what} shows its addresses in public.",
    False: "{who} said that {what} does not show its addresses in public.",
}


def set_published(
    session: Session, address: str, published: bool | None, draw: Draw, word: OwnerWord
) -> RejudgeOutcome:
    """Set whether an address is shown in public, None for what holds for its vendor; raises Unknown."""
    row = get_canary_row(session, address)
    decide_about(session, row.vendor_id)
    session.refresh(row)
    before = row.published
    lifecycle.set_published(session, row.address, published, draw)
    if published is before:
        return RejudgeOutcome()
    owner = session.get_one(VendorRow, row.vendor_id)
    text = _OF_ADDRESS[published].format(who=word.who, what=row.address)
    return _weigh_again(session, owner, ("canary-published", row.address, text), word)


def set_publishes(session: Session, vendor: str, publishes: bool, word: OwnerWord) -> RejudgeOutcome:
    """Set whether a vendor shows its addresses in public, all but those of which the owner said otherwise; raises Unknown."""
    owner = vendor_row(session, vendor)
    decide_about(session, owner.id or 0)
    session.refresh(owner)
    if owner.publishes == publishes:
        return RejudgeOutcome()
    owner.publishes = publishes
    session.add(owner)
    session.flush()
    text = _OF_VENDOR[publishes].format(who=word.who, what=owner.name)
    return _weigh_again(session, owner, ("vendor-published", owner.slug, text), word)


def _weigh_again(session: Session, owner: VendorRow, decided: tuple[str, str, str], word: OwnerWord) -> RejudgeOutcome:
    """Judge the past mail of a vendor again after a decision, weigh its cases, and record the decision."""
    action, subject, text = decided
    number = owner.id or 0
    outcome = judge_past_mail(session, number, "", word.cause(text), word.at_once)
    weigh_vendor(session, number, word.at, text)
    audit.note(session, number, word.at, action, text, word.who)
    audit.audit(session, word.at, word.who, action, subject, f"{text} {outcome}")
    session.flush()
    return outcome

"""The word that a tentative address was given away: from then on it counts, with all that came to it before.

A person says so, or the vendor's own mail with proof that cannot have travelled. What came to it meanwhile is assigned to
cases as if it had counted from the beginning.
"""

from datetime import datetime

from sqlalchemy import false
from sqlmodel import Session, col

from canary.canaries import tentative
from canary.canaries.site_vendor import is_for_no_site
from canary.cases.past_mail import OwnerWord
from canary.cases.rejudge import RejudgeOutcome, decide_about, rejudge
from canary.cases.replay import RejudgeCause
from canary.cases.weigh import weigh_vendor
from canary.evidence.leaves import log_issue
from canary.store.queries import audit
from canary.store.queries.canaries import get_canary_row
from canary.store.queries.vendors import Unknown, vendor_row
from canary.store.tables import CanaryRow, HitRow, VendorRow


def confirm(session: Session, address: str, word: OwnerWord, vendor: str = "") -> RejudgeOutcome:
    """Confirm that a tentative address was given to its vendor, or to another one; raises Unknown.

    One that was made for no site has to be given a vendor. A confirmed address stays as it is.
    """
    row = get_canary_row(session, address)
    old = row.vendor_id
    decide_about(session, old)
    session.refresh(row)
    if not row.tentative:
        return RejudgeOutcome()
    owner = vendor_row(session, vendor) if vendor else session.get_one(VendorRow, old)
    if is_for_no_site(owner):
        raise Unknown(f"canary {row.address!r} was made for no site: say which vendor was given it")
    moved = owner.id != old
    if moved:
        decide_about(session, owner.id or 0)
        row.vendor_id = owner.id or 0
        log_issue(session, row, owner.slug)  # from here on it is proven to be this vendor's
    tentative.confirm_row(session, row)
    text = f"{word.who} confirmed that {row.address} was given to {owner.name}."
    which = col(HitRow.canary_id) == row.id if moved else false()
    outcome = rejudge(session, row.vendor_id, which, word.cause(text), counts_now=row.id)
    weigh_vendor(session, row.vendor_id, word.at, text)
    _record(session, row, word.who, word.at, text, outcome)
    return outcome


def confirm_by_mail(session: Session, canary: int, at: datetime) -> None:
    """Confirm a tentative address to which its vendor wrote with proof; the caller holds `Lock.CASES`."""
    row = session.get_one(CanaryRow, canary)
    if not row.tentative:
        return
    decide_about(session, row.vendor_id)
    tentative.confirm_row(session, row)
    text = f"The vendor's own mail came to {row.address}, which confirms that it was given away."
    outcome = rejudge(
        session, row.vendor_id, false(), RejudgeCause(text, "canary", at, at_once=False), counts_now=row.id
    )
    _record(session, row, "canary", at, text, outcome)


def dismiss(session: Session, address: str, word: OwnerWord) -> None:
    """Put a tentative address out of the lists, as nobody was given it; mail to it brings it back; raises Unknown."""
    row = tentative.dismiss(session, address, word.at)
    audit.audit(session, word.at, word.who, "canary-dismissed", row.address, "")


def _record(session: Session, row: CanaryRow, who: str, at: datetime, text: str, outcome: RejudgeOutcome) -> None:
    audit.note(session, row.vendor_id, at, "canary-confirmed", text, who)
    audit.audit(session, at, who, "canary-confirmed", row.address, f"{text} {outcome}")
    session.flush()

"""Tags: words that an owner groups vendors by."""

import re
from collections.abc import Collection, Iterable

from sqlmodel import Session, col, delete, select

from canary.store.queries.vendors import vendor_row
from canary.store.tables import VendorRow, VendorTagRow

_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def add_tags(session: Session, vendor: str, words: Iterable[str]) -> None:
    """Tag a vendor; raises Unknown for the vendor, ValueError for a word that is not a tag."""
    number = vendor_row(session, vendor).id or 0
    for word in dict.fromkeys(map(_tag, words)):
        if session.get(VendorTagRow, (number, word)) is None:
            session.add(VendorTagRow(vendor_id=number, tag=word))
    session.flush()


def drop_tags(session: Session, vendor: str, words: Iterable[str]) -> None:
    """Remove tags from a vendor; those it does not have are ignored."""
    number = vendor_row(session, vendor).id or 0
    session.exec(
        delete(VendorTagRow).where(
            col(VendorTagRow.vendor_id) == number, col(VendorTagRow.tag).in_([word.lower() for word in words])
        )
    )


def by_vendor(session: Session, slugs: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the tags of vendors by slug; vendors without any are left out."""
    query = (
        select(VendorRow.slug, VendorTagRow.tag)
        .join(VendorTagRow, col(VendorTagRow.vendor_id) == VendorRow.id)
        .where(col(VendorRow.slug).in_(slugs))
        .order_by(VendorTagRow.tag)
    )
    found: dict[str, tuple[str, ...]] = {}
    for slug, tag in session.exec(query):
        found[slug] = (*found.get(slug, ()), tag)
    return found


def _tag(word: str) -> str:
    tag = word.strip().lower()
    if not _TAG.fullmatch(tag):
        raise ValueError(f"tag {word!r}: not a tag; use letters, digits, dots and dashes, 40 at most")
    return tag

"""Which mails are one sending: near likeness of text, or two strong features that do not follow from each other."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from canary.attribute.likeness import number
from canary.model.campaign import Feature, Kind, Link

INDEPENDENT: Mapping[frozenset[Kind], str] = {
    frozenset(pair): why
    for *pair, why in (
        (Kind.SUBJECT, Kind.LINK, "the same words lead to the same place"),
        (Kind.SUBJECT, Kind.ATTACHMENT, "the same words carry the same file"),
        (Kind.SUBJECT, Kind.DKIM, "the same words under one signature"),
        (Kind.SUBJECT, Kind.ACCOUNT, "the same words from one account"),
        (Kind.SUBJECT, Kind.HOST, "the same words from one host"),
        (Kind.WORDS, Kind.LINK, "the same short text leads to the same place"),
        (Kind.WORDS, Kind.ATTACHMENT, "the same short text carries the same file"),
        (Kind.WORDS, Kind.DKIM, "the same short text under one signature"),
        (Kind.WORDS, Kind.ACCOUNT, "the same short text from one account"),
        (Kind.WORDS, Kind.HOST, "the same short text from one host"),
        (Kind.SENDER, Kind.LINK, "the same signatory leads to the same place"),
        (Kind.SENDER, Kind.ATTACHMENT, "the same signatory carries the same file"),
        (Kind.LINK, Kind.ATTACHMENT, "the same file and the same place"),
        (Kind.LINK, Kind.DKIM, "the same place under one signature"),
        (Kind.LINK, Kind.ACCOUNT, "the same place from one account"),
        (Kind.LINK, Kind.HOST, "the same place from one host"),
        (Kind.ATTACHMENT, Kind.DKIM, "the same file under one signature"),
        (Kind.ATTACHMENT, Kind.ACCOUNT, "the same file from one account"),
        (Kind.ATTACHMENT, Kind.HOST, "the same file from one host"),
    )
}
"""Pairs that link. What is missing follows from one another: signature, account and host are one origin; subject,
short text and signatory are one hand's wording; and whoever signs or runs the host chooses the signatory."""


def pairs(features: Collection[Feature]) -> Iterator[tuple[int, tuple[Feature, Feature]]]:
    """Yield each independent pair of features with its number: mails that share a number are one sending.

    A domain that stands in both places, as link and as signature, is one thing said twice and no pair.
    """
    for pair in combinations(features, 2):
        a, b = sorted(pair, key=lambda feature: (feature.kind, feature.value))
        if frozenset((a.kind, b.kind)) in INDEPENDENT and a.value != b.value:
            yield number(a.kind, a.value, b.kind, b.value), (a, b)


def belongs(found: Mapping[int, Link], apart: Collection[frozenset[int]]) -> list[int]:
    """Return the campaigns that a mail makes one, oldest first: all that it is linked to.

    Where a person has said that two of them are not one, the stronger link counts; of equal ones the older campaign.
    """
    chosen: list[int] = []
    for campaign in sorted(found, key=lambda c: (found[c].rank, -c), reverse=True):
        if not any(frozenset((campaign, other)) in apart for other in chosen):
            chosen.append(campaign)
    return sorted(chosen)

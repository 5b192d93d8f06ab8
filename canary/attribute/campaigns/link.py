"""Which mails are one sending: near likeness of text, or two strong features that do not follow from each other."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

from canary.attribute.campaigns.minhash import number
from canary.model.campaign import CampaignLink, Feature, FeatureKind

INDEPENDENT: Mapping[frozenset[FeatureKind], str] = {
    frozenset(pair): why
    for *pair, why in (
        (FeatureKind.SUBJECT, FeatureKind.LINK, "the same words lead to the same place"),
        (FeatureKind.SUBJECT, FeatureKind.ATTACHMENT, "the same words carry the same file"),
        (FeatureKind.SUBJECT, FeatureKind.DKIM, "the same words under one signature"),
        (FeatureKind.SUBJECT, FeatureKind.ACCOUNT, "the same words from one account"),
        (FeatureKind.SUBJECT, FeatureKind.HOST, "the same words from one host"),
        (FeatureKind.WORDS, FeatureKind.LINK, "the same short text leads to the same place"),
        (FeatureKind.WORDS, FeatureKind.ATTACHMENT, "the same short text carries the same file"),
        (FeatureKind.WORDS, FeatureKind.DKIM, "the same short text under one signature"),
        (FeatureKind.WORDS, FeatureKind.ACCOUNT, "the same short text from one account"),
        (FeatureKind.WORDS, FeatureKind.HOST, "the same short text from one host"),
        (FeatureKind.SENDER, FeatureKind.LINK, "the same signatory leads to the same place"),
        (FeatureKind.SENDER, FeatureKind.ATTACHMENT, "the same signatory carries the same file"),
        (FeatureKind.LINK, FeatureKind.ATTACHMENT, "the same file and the same place"),
        (FeatureKind.LINK, FeatureKind.DKIM, "the same place under one signature"),
        (FeatureKind.LINK, FeatureKind.ACCOUNT, "the same place from one account"),
        (FeatureKind.LINK, FeatureKind.HOST, "the same place from one host"),
        (FeatureKind.ATTACHMENT, FeatureKind.DKIM, "the same file under one signature"),
        (FeatureKind.ATTACHMENT, FeatureKind.ACCOUNT, "the same file from one account"),
        (FeatureKind.ATTACHMENT, FeatureKind.HOST, "the same file from one host"),
    )
}
"""Pairs that link. What is missing follows from one another: signature, account and host are one origin; subject,
short text and signatory are one hand's wording; and the one who signs or runs the host chooses the signatory."""


def pairs(features: Collection[Feature]) -> Iterator[tuple[int, tuple[Feature, Feature]]]:
    """Yield each independent pair of features with its number: mails that share a number are one sending.

    A domain that stands in both places, as link and as signature, is one thing said twice and no pair.
    """
    for pair in combinations(features, 2):
        a, b = sorted(pair, key=lambda feature: (feature.kind, feature.value))
        if frozenset((a.kind, b.kind)) in INDEPENDENT and a.value != b.value:
            yield number(a.kind, a.value, b.kind, b.value), (a, b)


def belongs(found: Mapping[int, CampaignLink], apart: Collection[frozenset[int]]) -> list[int]:
    """Return the campaigns that a mail makes one, oldest first: all that it is linked to.

    Where a person has said that two of them are not one, the stronger link counts; of equal ones the older campaign.
    """
    chosen: list[int] = []
    for campaign in sorted(found, key=lambda c: (found[c].rank, -c), reverse=True):
        if not any(frozenset((campaign, other)) in apart for other in chosen):
            chosen.append(campaign)
    return sorted(chosen)

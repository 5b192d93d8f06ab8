"""The one answer of a case in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from canary.attribute.assess import SourceNames, assess
from canary.attribute.summary import conclude, what_would_settle
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, VendorFacts, World
from canary.model.case import CaseState, Findings, LeakManner, Suspect, SuspectHits, SuspectKind
from tests.case_states import accuses, case_findings, case_states, suspect_lists

MAY = datetime(2026, 5, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def suspect(kind: SuspectKind, name: str, p: float, passed_on: float | None = None, hit: int = 1) -> Suspect:
    return Suspect(kind, name.lower(), p, hit, 5, name, passed_on=None if passed_on is None else p * passed_on)


def nobody(p: float) -> Suspect:
    return Suspect(SuspectKind.NOBODY, "no leak", p, name="No leak")


SHOES = suspect(SuspectKind.VENDOR, "Trendy Shoes", 0.97, 0.95)
SILVERPOP = suspect(SuspectKind.SUPPLIER, "Silverpop", 0.87, 0.02, hit=4)
BIKES = suspect(SuspectKind.VENDOR, "Bike Parts", 0.91, 0.5)
ACCOUNT = suspect(SuspectKind.ACCOUNT, "Play.com's account at Silverpop", 0.9, 0.0)
OWN = suspect(SuspectKind.OWNER, "Own side", 0.92, 0.0, hit=5)
SHOWN = suspect(SuspectKind.PUBLISHED, "Harvested from what Bike Parts shows", 0.91, 0.5)


def hits(of: Suspect, **more: object) -> Findings:
    return Findings(hits=(SuspectHits(of.kind, of.id, MAY, **more),))  # type: ignore[arg-type]


SENTENCES = {
    "passed on": (
        [SHOES, nobody(0.02)], hits(SHOES, campaigns=20, senders=14),
        "Most likely Trendy Shoes passed this address on (97%): 14 unrelated senders since May 2026.",
    ),
    "stolen": (
        [SILVERPOP, nobody(0.02)],
        hits(SILVERPOP, campaigns=1, clients=4, of_clients=5, within=timedelta(minutes=40)),
        "Most likely Silverpop's list was stolen (87%): one campaign hit 4 of its 5 clients within 40 minutes.",
    ),
    "how is open": ([BIKES, nobody(0.02)], Findings(), "Most likely from Bike Parts (91%); whether sold or stolen is not clear yet."),
    "nobody asked how": ([replace(BIKES, passed_on=None), nobody(0.02)], Findings(), "Most likely from Bike Parts (91%)."),
    "an account": (
        [ACCOUNT, nobody(0.02)], hits(ACCOUNT, campaigns=1),
        "Most likely taken from Play.com's account at Silverpop (90%): 1 campaign since May 2026.",
    ),
    "the own side": (
        [OWN, nobody(0.02)], hits(OWN, campaigns=1, clients=3, of_clients=5, decoys=2),
        "Most likely from your own side (92%): mail came to 2 decoys, which nobody was given.",
    ),
    "a subscription bomb": (
        [BIKES, nobody(0.02)], hits(BIKES, campaigns=1, burst=300),
        (
            "Most likely from Bike Parts (91%); whether sold or stolen is not clear yet: "
            "300 senders within a day, as when a stranger signs an address up everywhere."
        ),
    ),
    "two sources": (
        [SHOES, SILVERPOP, nobody(0.02)], Findings(),
        "Most likely two leaks: Trendy Shoes passed this address on (97%) and Silverpop's list was stolen (87%).",
    ),
    "nobody above one half": (
        [replace(SHOES, p=0.45), replace(SILVERPOP, p=0.38), nobody(0.17)], Findings(),
        "A leak is likely (83%); from whom is open: Trendy Shoes (45%) or Silverpop (38%).",
    ),
    "no leak leads": ([nobody(0.8), replace(SHOES, p=0.15)], hits(SHOES, campaigns=1), "Probably no leak (80%)."),
    "published": (
        [SHOWN, nobody(0.05)], Findings(), "Probably no leak (96%): harvested from what Bike Parts shows.",
    ),
    "nothing weighed": ([], Findings(), "Not weighed yet."),
}  # fmt: skip


@pytest.mark.parametrize(("suspects", "findings", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_the_answer_is_one_sentence(suspects: list[Suspect], findings: Findings, sentence: str) -> None:
    assert conclude(suspects, findings).headline == sentence


@pytest.mark.parametrize(
    ("suspects", "short", "name"),
    [
        ([SHOES, nobody(0.02)], "Trendy Shoes 97%, passed on", "Trendy Shoes"),
        ([BIKES, nobody(0.02)], "Bike Parts 91%", "Bike Parts"),
        ([replace(BIKES, p=0.4), nobody(0.3)], "a leak, 70%; from whom is open", "Bike Parts"),
        ([nobody(0.8), replace(SHOES, p=0.15)], "probably no leak (80%)", ""),
    ],
)
def test_lists_have_a_short_clause_and_nobody_is_named_unless_a_leak_leads(
    suspects: list[Suspect], short: str, name: str
) -> None:
    answer = conclude(suspects)
    assert (answer.short, answer.name) == (short, name)


@pytest.mark.parametrize(
    ("share", "manner"), [(0.8, LeakManner.PASSED_ON), (0.79, None), (0.21, None), (0.2, LeakManner.LOST), (None, None)]
)
def test_how_it_happened_is_said_from_four_fifths_on(share: float | None, manner: LeakManner | None) -> None:
    assert conclude([suspect(SuspectKind.VENDOR, "Play", 0.9, share), nobody(0.05)]).how is manner


@pytest.mark.parametrize(
    ("state", "outcome", "beginning"),
    [
        ("explained", "", "Explained: Mailer Co. sends for Play. By the mail alone: most likely from"),
        ("closed", "confirmed", "Settled as confirmed. Most likely from"),
        ("false-positive", "", "Settled as false positive. By the mail alone: most likely from"),
        ("confirmed", "confirmed", "Settled as confirmed. Most likely from"),
        ("new", "", "Most likely from"),
        ("closed", "", "Closed without an outcome. Most likely from"),
    ],
)
def test_what_was_decided_about_a_case_comes_first(state: str, outcome: str, beginning: str) -> None:
    answer = conclude([BIKES, nobody(0.02)], state=state, outcome=outcome, reason="Mailer Co. sends for Play.")
    assert answer.headline.startswith(beginning)


@pytest.mark.parametrize(("state", "badge"), [("watched", "watched"), ("new", "leak likely"), ("denied", "denied")])
def test_the_badge_is_the_state_unless_the_case_is_open(state: str, badge: str) -> None:
    assert conclude([BIKES, nobody(0.02)], state=state).badge == badge


@given(suspects=suspect_lists(), findings=case_findings(), state=case_states())
def test_no_word_accuses_anybody_where_no_leak_leads(
    suspects: tuple[Suspect, ...], findings: Findings, state: CaseState
) -> None:
    answer = conclude(suspects, findings, state)
    words = (answer.headline, answer.badge, answer.short, answer.name, *what_would_settle(suspects, findings))
    assert answer.leads or not accuses("\n".join(words), suspects)
    assert "100%" not in answer.headline


@pytest.mark.parametrize(
    ("state", "headline", "badge"),
    [
        ("new", "Not weighed yet.", "not weighed yet"),
        ("false-positive", "Settled as false positive.", "false positive"),
        ("explained", "Explained: it was yours.", "explained"),
    ],
)
def test_before_anything_is_weighed_only_what_was_decided_is_said(state: str, headline: str, badge: str) -> None:
    answer = conclude((), state=state, reason="it was yours")
    assert (answer.headline, answer.badge, answer.leads, answer.alarm) == (headline, badge, False, False)


@pytest.mark.parametrize(
    ("state", "p", "alarm"),
    [
        ("new", 0.1, True),
        ("new", 0.6, False),
        ("confirmed", 0.6, True),
        ("watched", 0.1, False),
        ("denied", 0.1, False),
    ],
)
def test_something_has_to_be_done_in_an_open_case_in_which_a_leak_leads_or_that_was_confirmed(
    state: str, p: float, alarm: bool
) -> None:
    assert conclude([BIKES, nobody(p)], state=state).alarm is alarm


def world(*hit: CampaignHit) -> World:
    parties = tuple(VendorFacts(v, (SupplyFacts("silver"),)) for v in ("play", "bike", "shoes"))
    canaries = [CanaryFacts(f"c-{p.id}", "example.net", p.id, MAY - 400 * DAY) for p in parties]
    return World(MAY + 300 * DAY, parties, (*canaries, CanaryFacts("d", "example.net", None, MAY - 400 * DAY)), hit)


def counted(found: World, kind: SuspectKind) -> SuspectHits:
    findings = assess(found, SourceNames({})).findings
    return next(hits for hits in findings.hits if hits.kind is kind)


def test_one_campaign_at_several_clients_of_a_supplier_is_counted_with_its_span() -> None:
    found = world(
        *(
            CampaignHit(f"c-{v}", MAY + i * timedelta(minutes=20), "k", "spam", 0.98)
            for i, v in enumerate(("play", "bike"))
        )
    )
    its = counted(found, SuspectKind.SUPPLIER)
    assert (its.campaigns, its.clients, its.of_clients, its.within) == (1, 2, 3, timedelta(minutes=20))


def test_unrelated_senders_are_counted_once_each_and_those_of_a_bomb_apart() -> None:
    lone = [
        CampaignHit("c-play", MAY + i * 10 * DAY, f"k{i}", "third-party", 0.9, sender=f"s{i % 3}.example")
        for i in range(6)
    ]
    bomb = [
        CampaignHit("c-play", MAY + timedelta(days=200, minutes=i), f"b{i}", "third-party", 0.9, sender=f"b{i}.example")
        for i in range(9)
    ]
    its = counted(world(*lone, *bomb), SuspectKind.VENDOR)
    assert (its.senders, its.burst) == (3, 9)


def test_hints_alone_are_nothing_to_count() -> None:
    findings = assess(world(CampaignHit("c-play", MAY, "k", "probe", 0.9)), SourceNames({})).findings
    assert findings.hits == ()


def test_a_name_from_right_to_left_does_not_turn_its_sentence_around() -> None:
    hebrew = suspect(SuspectKind.VENDOR, "\u05d7\u05e0\u05d5\u05ea", 0.97, 0.02)
    answer = conclude([hebrew, nobody(0.02)], Findings())
    assert answer.short == "\u2068\u05d7\u05e0\u05d5\u05ea\u2069 97%, stolen"
    assert answer.headline.startswith("Most likely \u2068\u05d7\u05e0\u05d5\u05ea\u2069's list was stolen (97%)")
    assert answer.name == "\u05d7\u05e0\u05d5\u05ea"

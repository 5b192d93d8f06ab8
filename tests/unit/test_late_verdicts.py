"""Old mail that nothing proves any more: held against nobody by that alone, and what speaks for itself still counts."""

from dataclasses import replace

import pytest

from canary.authenticate.retrospective import believed_late
from canary.judge.hit_context import HitContext
from canary.judge.rules import judge
from canary.mail.parse import parse
from canary.model.identity import Identity
from canary.model.proof import Proofs
from canary.model.verdict import Reason, Verdict
from tests.verdict_cases import FOLDER, hearing_of

BY_NAME = "05-impersonation-by-name"


def unproven(name: str) -> HitContext:
    """A case as it would be if nothing could be proven for or against it."""
    hit = hearing_of(FOLDER / name)
    return replace(hit, proofs=Proofs(), identity=Identity(claim=hit.identity.claim))


def late(hit: HitContext) -> HitContext:
    return replace(hit, proofs=believed_late(hit.proofs))


def test_the_vendors_name_that_nothing_proves_any_more_is_a_question_and_no_deceit() -> None:
    fresh = unproven(BY_NAME)
    assert judge(fresh).verdict is Verdict.IMPERSONATION
    found = judge(late(fresh))
    assert found.verdict is Verdict.NEW_SENDER
    assert Reason.NOTHING_PROVEN in {reason.code for reason in found.reasons}


@pytest.mark.parametrize("name", ["22-impersonation-letters-alike", "54-impersonation-bait-in-the-domain"])
def test_deceit_that_needs_no_proof_is_charged_at_any_time(name: str) -> None:
    assert judge(late(unproven(name))).verdict is Verdict.IMPERSONATION


def test_a_stranger_is_found_though_nothing_proves_any_more_who_it_was() -> None:
    assert judge(late(unproven("06-third-party-bulk"))).verdict is Verdict.SPAM


ANSWER = (
    b"From: Tom <tom@far.example>\r\nTo: list@club.example\r\nSubject: Re: the trip\r\nIn-Reply-To: <1@x.example>\r\n"
    b"List-Id: <list.club.example>\r\nPrecedence: bulk\r\n\r\nI can drive.\r\n\r\nMia wrote:\r\n> Who drives?\r\n"
)


def test_an_answer_that_quotes_what_it_answers_is_a_persons_where_it_is_too_late_for_proof() -> None:
    fresh = replace(unproven(BY_NAME), mail=parse(ANSWER), identity=Identity(claim="far.example"))
    assert judge(fresh).verdict is Verdict.SPAM
    assert judge(late(fresh)).verdict is Verdict.MISDIRECTED


@pytest.mark.parametrize("wrong", [b"> Who drives?", b"In-Reply-To: <1@x.example>\r\n", b"Re: "])
def test_what_only_looks_like_an_answer_is_none(wrong: bytes) -> None:
    mail = parse(ANSWER.replace(wrong, b"").replace(b"Mia wrote:", b"" if wrong.startswith(b">") else b"Mia wrote:"))
    hit = replace(unproven(BY_NAME), mail=mail, identity=Identity(claim="far.example"))
    assert judge(late(hit)).verdict is Verdict.SPAM

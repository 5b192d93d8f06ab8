"""By whichever way a mail comes in, the same facts give the same verdict; where less is known that is less sure, and says why."""

import pytest

from canary.model.verdict import LEAKS, Reason, Verdict
from tests.parity import CLAIMED, MAILS, PAGE, SAME, filled, judged


def test_the_page_has_the_table_as_it_comes_out() -> None:
    page = PAGE.read_text()
    assert filled(page) == page, "write it again: .venv/bin/python -m tests.parity"


@pytest.mark.parametrize("mail", MAILS)
def test_where_the_same_is_known_the_verdict_is_the_same(mail: str) -> None:
    found = [judged(mail, way) for way in SAME]
    assert {(each.verdict, each.confidence) for each in found} == {(found[0].verdict, found[0].confidence)}


@pytest.mark.parametrize("mail", MAILS)
def test_where_nobody_vouches_nothing_is_surer_and_the_reason_says_why(mail: str) -> None:
    sure, claimed = judged(mail, SAME[0]), judged(mail, CLAIMED)
    assert claimed.confidence <= sure.confidence
    says = Reason.CLIENT_UNSEEN in {reason.code for reason in claimed.reasons}
    assert says == (claimed.confidence < sure.confidence)


def test_the_vendors_own_unsigned_mail_is_never_charged_where_nobody_saw_its_host() -> None:
    found = judged("the vendor's, from its host and unsigned", CLAIMED)
    assert found.verdict is Verdict.NEW_SENDER
    assert found.verdict not in LEAKS

"""Real mail at a canary of a vendor that has nothing to do with it: spam is charged, answers are known as answers.

`pytest -s tests/slow/test_real_verdicts.py` prints the counts.
"""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from canary.authenticate.message import split
from canary.authenticate.results.trusted import OUTLOOK, border_hop, read_results
from canary.judge.hit_context import HitContext
from canary.judge.identity import identify
from canary.judge.rules import judge
from canary.mail.bounce import answers_nothing
from canary.mail.parse import parse
from canary.model.canary import Canary, CanaryState, Style
from canary.model.mail import Client, Envelope
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.verdict import LEAKS, Judgement, Verdict
from tests.conftest import START
from tests.supplier_cases import book

pytestmark = [pytest.mark.slow, pytest.mark.corpus]

CANARY = Canary(1, "", "shop", "signup", 1, Style.TAGGED, 65, CanaryState.ACTIVE, START - timedelta(days=365))
VENDOR = Vendor("shop", "Trendy Shoes", ("trendyshoes.example",))


def judged(path: Path) -> Judgement:
    """Judge a file with what the receiver that stored it found out, as `--trust-authserv` does."""
    content = path.read_bytes()
    mail, message = parse(content), split(content)
    proofs = read_results(message, [OUTLOOK]) or Proofs()
    sender = mail.header("Return-Path").strip("<> ") if mail.has("return-path") else mail.sender.address
    hop = border_hop(message, [OUTLOOK])
    envelope = Envelope(sender, (), hop.client if hop else Client(""), START)
    return judge(HitContext(mail, envelope, proofs, identify(mail, proofs, envelope, book()), CANARY, VENDOR))


@pytest.mark.parametrize(("folder", "least"), [("phishing_pot", 0.99), ("spamassassin/spam", 0.99)])
def test_spam_is_charged_to_the_vendor(corpus: Path, folder: str, least: float) -> None:
    found = Counter(judged(path).verdict for path in sorted((corpus / folder).iterdir()))
    print(f"\n{folder}: {dict(found)}")
    assert sum(found[verdict] for verdict in LEAKS) >= least * found.total()


def answers(folder: Path, mail_from: str) -> list[str]:
    """Say for each file which kind of answer it is, empty for none; a stored mail tells its sender in Return-Path."""
    kinds = []
    for path in sorted(folder.iterdir()):
        mail = parse(path.read_bytes())
        written = mail.header("Return-Path").strip("<> ") if mail.has("return-path") else mail_from
        found = answers_nothing(mail, Envelope(written, (), Client(""), START))
        kinds.append(found.kind.value if found else "")
    return kinds


def test_bounces_replies_and_complaints_are_known_as_answers(corpus: Path) -> None:
    found = Counter(answers(corpus / "dsn", ""))
    print(f"\ndsn: {dict(found)}")
    assert found[""] == 0


def test_no_answer_is_charged_to_the_vendor(corpus: Path) -> None:
    found = Counter(judged(path).verdict for path in sorted((corpus / "dsn").iterdir()))
    print(f"\ndsn: {dict(found)}")
    assert found[Verdict.BACKSCATTER] == found.total()


@pytest.mark.parametrize(
    "folder", ["phishing_pot", "spamassassin/spam", "spamassassin/easy_ham", "spamassassin/hard_ham"]
)
def test_what_is_no_answer_is_not_taken_for_one(corpus: Path, folder: str) -> None:
    found = Counter(answers(corpus / folder, "somebody@sender.invalid"))
    print(f"\n{folder}: {dict(found)}")
    assert found[""] >= 0.999 * found.total()

"""`canary campaign ...` as people type it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from canary.model.campaign import CampaignSending, Feature, FeatureKind
from canary.store.tables import MailRow
from tests import sendings
from tests.commands import Outcome, installation
from tests.conftest import START

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own
SUBJECT, LINK, HOST = (
    Feature(FeatureKind.SUBJECT, "your parcel"),
    Feature(FeatureKind.LINK, "bad.example"),
    Feature(FeatureKind.HOST, "mx"),
)


@pytest.fixture
def say(tmp_path: Path) -> Iterator[Callable[..., Outcome]]:
    with installation(tmp_path) as house:
        (tmp_path / "data").mkdir()
        house.store.migrate()
        with house.store.writing() as session:
            for number, features in enumerate(((SUBJECT, LINK), (SUBJECT, LINK, HOST), ())):
                mail = MailRow(key=str(number), sha256="", size=1, received_at=START, subject="s", envelope={}, identity={},
                               proofs={}, parts={})  # fmt: skip
                session.add(mail)
                session.flush()
                sendings.join(session, mail, CampaignSending(None, features))

        yield lambda *arguments: house("campaign", *arguments)


def test_campaigns_are_listed_split_and_merged_by_hand(say: Callable[..., Outcome]) -> None:
    assert [(row["id"], row["mails"]) for row in json.loads(say("list", "--json").out)] == [(2, 1), (1, 2)]
    assert json.loads(say("split", "1", "2", "--note", "another hand", "--who", "ada", "--json").out) == {
        "campaign": 3, "mails": 1, "from": 1, "left": 1,
    }  # fmt: skip
    assert json.loads(say("merge", "3", "2", "--who", "ben", "--json").out) == {"campaign": 2, "mails": 2}
    shown = json.loads(say("show", "3", "--json").out)
    assert (shown["id"], [word["who"] for word in shown["words"]]) == (2, ["ada", "ben"])
    assert [[by["kind"] for by in mail["by"]] for mail in shown["linked"]] == [[], ["link", "subject"]]


def test_what_cannot_be_done_is_one_line_with_the_cure(say: Callable[..., Outcome]) -> None:
    done = say("split", "1", "3")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "mail 3: not in campaign 1; see `canary campaign show 1`" in done.err

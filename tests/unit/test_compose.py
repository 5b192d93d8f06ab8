"""What a message says, whatever the channel: the answer, the evidence, what changed, and nothing that acts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.alerts.compose import WORDINGS, Notice, defang, headline, hostile, notice
from canary.attribute.summary import conclude
from canary.model.alert import Alert, AlertMessage, CaseSummary, Severity
from canary.model.case import CaseState, Findings, Suspect, likeliest
from tests.case_states import accuses, case_findings, case_states, suspect_lists

URL = "https://canary.example"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
FACT = Alert(
    id="a", kind="case-opened", at=NOW, case=7, vendor="Play & Co", verdict="spam",
    confidence=0.97, canary="play-x@in.example", sender="<!channel> evil@bad.example",
    subject="<https://bad.example|click> *bold* <!here> & www.bad.example " + "x" * 5000,
    reasons=("It says <b> and https://bad.example",) * 20, suspects=(("Silverline", 0.87), ("Play & Co", 0.09)),
    vendors=("play",), summary="Most likely Silverline's list was stolen (87%).", leak=0.96,
)  # fmt: skip
CALM = replace(FACT, suspects=(("No leak", 0.8), ("Play & Co", 0.15)), summary="Probably no leak (80%).", leak=0.2)


def told(**facts: object) -> Notice:
    return notice(AlertMessage(FACT, **facts), URL)  # type: ignore[arg-type]


def test_the_title_names_vendor_and_verdict() -> None:
    assert told().title == "Possible leak at Play & Co: spam"


def test_the_answer_names_suspects_with_probabilities_and_accuses_nobody() -> None:
    assert told().answer == "Most likely Silverline's list was stolen (87%)."
    assert headline(FACT).startswith("Possible leak")


def test_what_is_believed_now_counts_and_not_what_was_believed_then() -> None:
    stands = CaseSummary(1, ("Play & Co",), 1, 2, CALM.suspects, summary=CALM.summary, leak=CALM.leak)
    found = told(standing=stands)
    assert (found.title, found.answer, found.todo) == ("Mail from others at Play & Co: spam", CALM.summary, "")


@pytest.mark.parametrize(
    ("source", "how", "said", "unsaid"),
    [
        ("vendor", "lost", "change your password there", "object"),
        ("supplier", "", "change your password there", "object"),
        ("vendor", "passed-on", "ask Play & Co who was given the old one; you may object", "change your password"),
        ("owner", "", "Look at your own side first", "password"),
    ],
)
def test_what_to_do_fits_how_it_happened(source: str, how: str, said: str, unsaid: str) -> None:
    stands = CaseSummary(1, ("Play & Co",), 1, 2, summary=FACT.summary, leak=FACT.leak, source=source, how=how)
    for todo in (notice(AlertMessage(replace(FACT, source=source, how=how)), URL).todo, told(standing=stands).todo):
        assert (said in todo, unsaid in todo) == (True, False)


@pytest.mark.parametrize("kind", ["top-suspect", "certainty", "fields-leaked"])
def test_a_change_that_accuses_gives_way_to_what_is_believed_where_no_leak_leads(kind: str) -> None:
    fact = replace(CALM, kind=kind, change="Silverline is now the likeliest source (60%)")
    assert notice(AlertMessage(fact), URL).headline == "Case 7: Probably no leak (80%)."
    assert headline(fact) == "Case 7: Probably no leak (80%)."


def test_what_is_watched_is_reported_without_a_task() -> None:
    found = notice(AlertMessage(replace(CALM, kind="watched", change="First mail by a stranger")), URL)
    assert (found.headline, found.answer, found.todo) == ("First mail by a stranger", CALM.summary, "")
    assert found.link == f"{URL}/watching"


@given(
    suspects=suspect_lists(), findings=case_findings(), state=case_states(), kind=st.sampled_from(sorted(WORDINGS)),
    now=st.booleans(), digest=st.booleans(),
)  # fmt: skip
def test_no_message_accuses_anybody_where_no_leak_leads(
    suspects: tuple[Suspect, ...], findings: Findings, state: CaseState, kind: str, now: bool, digest: bool
) -> None:
    answer = conclude(suspects, findings, state)
    name = suspects[0].name if suspects else "Nobody"
    change = (
        f"{name} is the source with 80%"
        if kind in ("top-suspect", "certainty", "fields-leaked")
        else "By now 2 vendors were hit"
    )
    fact = replace(
        FACT, kind=kind, change=change, suspects=likeliest(suspects), summary=answer.headline, leak=answer.leak
    )
    window = (NOW, NOW) if findings.window and answer.leads else None
    stands = CaseSummary(
        1,
        ("Play & Co",),
        1,
        2,
        likeliest(suspects),
        window,
        findings.leaked_fields if answer.leads else (),
        answer.headline,
        answer.leak,
    )
    message = AlertMessage(fact, (fact,), stands if now else CaseSummary(), digest=digest)
    found = notice(message, URL)
    words = "\n".join((found.title, found.text, *found.lines, headline(fact)))
    assert answer.leads or not accuses(words, suspects)


def test_the_evidence_is_three_lines() -> None:
    assert [label for label, _ in told().evidence] == ["From", "Subject", "To"]


def test_nothing_from_a_mail_is_a_link_or_longer_than_a_line() -> None:
    said = "\n".join(told().lines)
    assert not [word for word in ("https://bad", "http://", "bad.example") if word in said]
    assert max(map(len, told().lines)) < 300


def test_the_window_says_how_sure_it_is() -> None:
    window = (datetime(2010, 12, 1, tzinfo=UTC), datetime(2011, 3, 20, tzinfo=UTC))
    said = told(standing=CaseSummary(window=window)).window
    assert said == "Leaked between 1 Dec 2010 and 20 Mar 2011, with 90% probability."
    assert not notice(AlertMessage(CALM, standing=CaseSummary(window=window)), URL).window


def test_a_campaign_at_many_vendors_is_one_message_with_a_count() -> None:
    more = tuple(replace(FACT, id=str(n), case=n, vendor=f"Shop {n}") for n in range(8, 57))
    stands = CaseSummary(50, tuple(f"Shop {n}" for n in range(50)), 500, 5000, FACT.suspects)
    found = told(others=more, standing=stands)
    assert found.title == "Possible leak at Play & Co: spam and 49 other vendors"
    assert found.changes == (
        "By now 5,000 mails at 500 addresses of 50 vendors",
        "Mail from somebody else at Shop 8, Shop 9, Shop 10, Shop 11, Shop 12 and 44 more",
    )


def test_an_update_says_what_changed() -> None:
    fact = replace(FACT, kind="fields-leaked", change="The name given only to Play & Co appears in the mail")
    found = notice(AlertMessage(fact, update=True), URL)
    assert found.title.startswith("Update: ")
    assert found.headline == f"Case 7: {fact.change}"
    more = replace(fact, change="A second vendor was hit")
    assert notice(AlertMessage(fact, (more, more), update=True), URL).changes == ("A second vendor was hit",)


def test_a_digest_lists_what_happened_and_how_much_is_left_out() -> None:
    found = notice(AlertMessage(FACT, (FACT,) * 20, digest=True), URL)
    assert found.title == "21 things to know"
    assert found.changes[-1] == "and 13 more"


def test_a_message_matters_as_much_as_its_weightiest_fact() -> None:
    small = replace(FACT, kind="case-resolved", change="Closed")
    assert notice(AlertMessage(small, (FACT,)), URL).severity is Severity.HIGH


def test_a_question_about_a_sender_is_worded_as_a_question_and_links_to_the_answer() -> None:
    question = replace(FACT, kind="new-sender", case=0, identity="till.example", suspects=())
    found = notice(AlertMessage(question), URL)
    assert found.headline == "Question: till[.]example wrote to an address given only to Play & Co"
    assert found.answer.startswith("Does till[.]example write for Play & Co?")
    assert found.link == "https://canary.example/senders"


def test_a_message_about_a_mail_leads_to_where_the_owner_says_whose_it_is() -> None:
    found = notice(AlertMessage(replace(FACT, mail=3)), URL)
    assert found.word == ("Is it Play & Co's?", f"{URL}/mail/3#whose")
    assert found.lines[-1] == f"Is it Play & Co's? {URL}/mail/3#whose"
    question = replace(FACT, kind="new-sender", case=0, mail=3, identity="till.example")
    assert (notice(AlertMessage(question), URL).link, told().word) == (f"{URL}/mail/3#whose", None)


def test_one_message_asks_about_all_senders_of_a_question() -> None:
    many = ("play", "tea", "maps")
    question = replace(FACT, kind="new-sender", case=0, identity="till.example", vendors=many, senders=3, suspects=())
    found = notice(AlertMessage(question), URL)
    assert found.headline == "Question: till[.]example and 2 more wrote to addresses of Play & Co and 2 other vendors"
    assert found.answer.endswith("; one answer is for all of them")


def test_the_button_leads_to_the_case() -> None:
    assert (told().link, told().button) == ("https://canary.example/cases/7", "Open case 7")


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("http://a.example/x", "hxxp://a[.]example/x"),
        ("HTTPS://a.b", "HxxPS://a[.]b"),
        ("ftp://a.b", "ftp[:]//a[.]b"),
        ("1.5 of it. Yes", "1[.]5 of it. Yes"),
        ("right\u202eleft\x1b[31m", "rightleft[31m"),
    ],
)
def test_links_and_what_steers_a_screen_are_defanged(text: str, harmless: str) -> None:
    assert defang(text) == harmless


def test_text_from_a_mail_is_one_line() -> None:
    assert "\n" not in hostile("a\n\nb\r\nc")

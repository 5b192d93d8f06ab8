"""Mail by HTTP: every service posts over a real socket, and what was answered 200 is in the spool."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from canary.inlets.http.application import PostLimits
from canary.inlets.ledger import Phase
from canary.model.attempt import AttemptKind
from canary.model.mail import Trust
from tests.ingest import (
    CERTIFICATE,
    MAIL,
    NOW,
    REGION,
    RESEND_TOKEN,
    SENDER,
    SERVICES,
    TOPIC,
    Ingest,
    Post,
    Words,
    certificate,
    forward_email,
    mailgun,
    multipart,
    postmark,
    prepare_web,
    raw,
    resend,
    sendgrid,
    ses,
    signed_raw,
    sns,
    stalwart,
    subscription,
)
from tests.processes import eventually
from tests.sink import CANARY

pytestmark = pytest.mark.slow

OTHER_SECRET = "whsec_" + base64.b64encode(b"another key of 24 octets").decode()
OTHER_MAIL = MAIL.replace(b"hello", b"other")
each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with Ingest(tmp_path) as made:
        prepare_web(made)
        yield made


# What arrives

ARRIVES = {
    "raw": (Trust.HOOK, "192.0.2.7", "out.play.example"),
    "mailgun": (Trust.RECEIVER, "", ""),
    "ses": (Trust.RECEIVER, "192.0.2.7", "out.play.example"),
    "sendgrid": (Trust.HOOK, "192.0.2.7", ""),
    "postmark": (Trust.RECEIVER, "", ""),
    "resend": (Trust.CLAIMED, "", ""),
    "forward-email": (Trust.HOOK, "192.0.2.7", "out.play.example"),
    "stalwart": (Trust.HOOK, "192.0.2.7", "out.play.example"),
}
"""Trust, address and name of the client, for each service."""


@each_service
def test_a_mail_is_in_the_spool_with_its_envelope_when_it_is_answered(ingest: Ingest, service: str) -> None:
    answer = ingest.post(SERVICES[service](Words()))
    assert answer.status_code == 200, answer.text
    (mail,) = ingest.mails()
    seen = mail.envelope
    assert (seen.mail_from, seen.rcpt_to, seen.inlet) == (SENDER, (CANARY,), service)
    assert (seen.trust, seen.client.ip, seen.client.helo) == ARRIVES[service]
    assert mail.content.endswith(MAIL)


@each_service
def test_a_mail_that_is_delivered_again_is_stored_once(ingest: Ingest, service: str) -> None:
    answers = [ingest.post(SERVICES[service](Words())).status_code for _ in range(2)]
    assert (answers, len(ingest.mails())) == ([200, 200], 1)


@pytest.mark.parametrize("service", ["raw", "mailgun", "ses", "postmark", "resend"])
def test_another_mail_under_the_same_id_is_refused_and_not_stored(ingest: Ingest, service: str) -> None:
    assert ingest.post(SERVICES[service](Words())).status_code == 200
    other = Words(content=OTHER_MAIL)
    prepare_web(ingest, other)
    answer = ingest.post(SERVICES[service](other))
    assert (answer.status_code, answer.json()["error"]) == (409, "another mail came under this id before")
    assert len(ingest.mails()) == 1


@pytest.mark.parametrize("service", ["sendgrid", "forward-email", "stalwart"])
def test_services_without_an_id_deliver_the_same_mail_once_and_another_one_too(ingest: Ingest, service: str) -> None:
    for content in (MAIL, OTHER_MAIL, MAIL):
        assert ingest.post(SERVICES[service](Words(content=content))).status_code == 200
    assert len(ingest.mails()) == 2


def test_a_mail_with_octets_of_any_kind_arrives_as_it_was_sent(ingest: Ingest) -> None:
    content = MAIL + bytes(range(256)) + b"\r\n--b0undar\r\n\n\r"
    for service in (raw, mailgun, ses, sendgrid):
        assert ingest.post(service(Words(content=content))).status_code == 200
    assert all(mail.content.endswith(content) for mail in ingest.mails())


# Who may post

FORGED: dict[str, Callable[[], Post]] = {
    "raw": lambda: raw(Words(secret=OTHER_SECRET)),
    "mailgun": lambda: mailgun(Words(secret="another-key")),
    "ses": lambda: ses(Words(), key=rsa.generate_private_key(65537, 2048)),
    "sendgrid": lambda: sendgrid(Words(), ec.generate_private_key(ec.SECP256R1())),
    "postmark": lambda: postmark(Words(secret="another-password")),
    "resend": lambda: resend(Words(secret=OTHER_SECRET)),
    "forward-email": lambda: forward_email(Words(secret="another-key")),
    "stalwart": lambda: stalwart(Words(secret="another-password")),
}


def is_refused(ingest: Ingest, post: Post, status: int = 401) -> str:
    """Post, check that nothing was kept and return why."""
    answer = ingest.post(post)
    assert answer.status_code == status, answer.text
    assert ingest.mails() == []
    said = answer.json()["error"]
    assert said
    return str(said)


@each_service
def test_a_forged_post_is_answered_401_and_nothing_is_kept(ingest: Ingest, service: str) -> None:
    is_refused(ingest, FORGED[service]())
    assert [url for url, _ in ingest.fetched if url != CERTIFICATE] == []


@each_service
def test_a_post_whose_signature_or_password_is_missing_is_answered_401(ingest: Ingest, service: str) -> None:
    good = SERVICES[service](Words())
    bare = replace(good, headers={"content-type": good.headers.get("content-type", "")}, path=good.path)
    body = b"--b0undary--\r\n" if service == "mailgun" else good.body
    is_refused(ingest, replace(bare, body=body))


@pytest.mark.parametrize("service", ["raw", "sendgrid", "resend", "forward-email"])
def test_a_body_that_was_changed_on_the_way_is_answered_401(ingest: Ingest, service: str) -> None:
    good = SERVICES[service](Words())
    is_refused(ingest, replace(good, body=good.body.replace(b"hello", b"hallo")))


@pytest.mark.parametrize(
    ("service", "age"),
    [
        ("raw", timedelta(minutes=6)),
        ("raw", timedelta(minutes=-6)),
        ("mailgun", timedelta(hours=25)),
        ("ses", timedelta(hours=3)),
        ("sendgrid", timedelta(days=5)),
        ("resend", timedelta(minutes=6)),
    ],
)
def test_a_signature_that_is_too_old_or_from_the_future_is_answered_401(
    ingest: Ingest, service: str, age: timedelta
) -> None:
    is_refused(ingest, SERVICES[service](Words(at=NOW - age)))


def test_a_signed_mail_that_is_replayed_for_another_recipient_is_refused(ingest: Ingest) -> None:
    good = raw()
    assert ingest.post(good).status_code == 200
    answer = ingest.post(replace(good, path=good.path.replace("play-x7k2m9", "shop-abc123")))
    assert (answer.status_code, len(ingest.mails())) == (409, 1)


# Amazon SNS


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signatures_of_sns_are_checked(ingest: Ingest, version: str) -> None:
    assert ingest.post(ses(version=version)).status_code == 200


def test_a_foreign_topic_is_refused_though_it_is_signed_and_nothing_is_fetched(ingest: Ingest) -> None:
    assert "another topic" in is_refused(ingest, ses(topic=TOPIC.replace("123456789012", "999999999999")))
    assert ingest.fetched == []


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-" + "0" * 32 + ".pem",
        "https://evil.example/SimpleNotificationService-" + "0" * 32 + ".pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-" + "0" * 32 + ".pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-" + "0" * 32 + ".pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + "0" * 32 + ".pem",
        "https://s3.eu-west-1.amazonaws.com/bucket/SimpleNotificationService-" + "0" * 32 + ".pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-" + "0" * 32 + ".pem\n",
    ],
)
def test_a_certificate_that_is_not_of_sns_in_the_region_of_the_topic_is_never_fetched(ingest: Ingest, url: str) -> None:
    is_refused(ingest, ses(certificate_url=url))
    assert ingest.fetched == []


def test_a_certificate_that_is_no_longer_valid_is_not_believed(ingest: Ingest) -> None:
    ingest.web[CERTIFICATE] = certificate(begin=NOW - timedelta(days=400))
    assert "not valid now" in is_refused(ingest, ses())


def test_a_certificate_that_cannot_be_fetched_is_answered_503_and_the_mail_arrives_later(ingest: Ingest) -> None:
    ingest.web.clear()
    answer = ingest.post(ses())
    assert (answer.status_code, "retry-after" in answer.headers, ingest.mails()) == (503, True, [])
    prepare_web(ingest)
    assert ingest.post(ses()).status_code == 200
    assert len(ingest.mails()) == 1


def test_the_certificate_is_fetched_once(ingest: Ingest) -> None:
    for number in range(3):
        ingest.post(ses(Words(id=f"m{number}")))
    assert [url for url, _ in ingest.fetched] == [CERTIFICATE]


def test_the_header_and_the_body_of_a_message_must_name_the_same_id(ingest: Ingest) -> None:
    good = ses()
    is_refused(ingest, replace(good, headers={**good.headers, "x-amz-sns-message-id": "another"}))


CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC + "&Token=abc"


def test_a_subscription_to_the_topic_is_confirmed(ingest: Ingest) -> None:
    ingest.web[CONFIRM] = b"<ConfirmSubscriptionResponse/>"
    assert ingest.post(subscription(CONFIRM)).json() == {"status": "confirmed"}
    assert ingest.fetched[-1] == (CONFIRM, {})


def test_a_subscription_to_a_foreign_topic_is_not_confirmed(ingest: Ingest) -> None:
    is_refused(ingest, subscription(CONFIRM, topic=TOPIC + "-2"))
    assert ingest.fetched == []


def test_a_subscription_is_confirmed_at_sns_only(ingest: Ingest) -> None:
    url = CONFIRM.replace("amazonaws.com", "evil.example")
    ingest.web[url] = b"welcome"
    is_refused(ingest, subscription(url))
    assert url not in [fetched for fetched, _ in ingest.fetched]


def test_the_client_of_ses_is_that_of_its_own_line_and_of_no_other(ingest: Ingest) -> None:
    line = "Received: from a.example (b.example [203.0.113.9])\r\n by inbound-smtp.evil.example with SMTP id 1\r\n"
    assert ingest.post(ses(Words(content=line.encode() + MAIL), client=False)).status_code == 200
    assert ingest.mails()[0].envelope.client.ip == ""


BUCKET = f"https://s3.{REGION}.amazonaws.com/mail-bucket/"
AWS_KEY: dict[str, Any] = {
    "ses": {"topics": [TOPIC], "access_key": "AKIAEXAMPLE", "secret_key": "a-secret-of-some-length"}
}


def test_a_mail_that_ses_has_put_into_s3_is_fetched_from_there(tmp_path: Path) -> None:
    with Ingest(tmp_path, **AWS_KEY) as ingest:
        ingest.web = {CERTIFICATE: certificate(), f"{BUCKET}in/o1": MAIL}
        for _ in range(2):
            assert ingest.post(ses(stored="in/o1")).status_code == 200
        (mail,) = ingest.mails()
        assert (mail.content, mail.envelope.rcpt_to) == (MAIL, (CANARY,))
        [signed] = {headers["authorization"].partition(",")[0] for url, headers in ingest.fetched if url != CERTIFICATE}
        assert signed == f"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260301/{REGION}/s3/aws4_request"


def test_a_mail_in_s3_that_cannot_be_fetched_is_answered_503_and_arrives_later(tmp_path: Path) -> None:
    with Ingest(tmp_path, **AWS_KEY) as ingest:
        ingest.web = {CERTIFICATE: certificate()}
        answer = ingest.post(ses(stored="in/o1"))
        assert (answer.status_code, "retry-after" in answer.headers, ingest.mails()) == (503, True, [])
        ingest.web[f"{BUCKET}in/o1"] = MAIL
        assert ingest.post(ses(stored="in/o1")).status_code == 200


def test_a_mail_in_s3_without_a_key_is_answered_503_and_says_what_is_missing(ingest: Ingest) -> None:
    answer = ingest.post(ses(stored="in/o1"))
    assert (answer.status_code, "ingest.ses.access_key" in answer.json()["error"], ingest.mails()) == (503, True, [])


@pytest.mark.parametrize("name", ["../other-bucket/o1", "in/../../o1", "in//o1", "/o1", "./o1"])
def test_the_name_of_an_object_leads_into_no_other_bucket(tmp_path: Path, name: str) -> None:
    with Ingest(tmp_path, **AWS_KEY) as ingest:
        ingest.web = {CERTIFICATE: certificate()}
        is_refused(ingest, ses(stored=name), 400)
        assert [url for url, _ in ingest.fetched] == [CERTIFICATE]


# What cannot be read

MALFORMED = {
    "raw no recipient": signed_raw("/ingest/raw"),
    "raw bad address of the client": signed_raw(f"/ingest/raw?rcpt={CANARY}&ip=elsewhere"),
    "mailgun no recipient": mailgun(Words(to="")),
    "ses no json": sns({
        "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": "{", "Timestamp": NOW.isoformat(),
    }),
    "ses no recipient": ses(Words(to="")),
    "ses no base64": ses(encoded="%%%"),
    "sendgrid no recipient": sendgrid(Words(to="")),
    "postmark no json": replace(postmark(), body=b"{"),
    "postmark a list": replace(postmark(), body=b"[]"),
    "postmark deep": replace(postmark(), body=b"[" * 100_000),
    "postmark no recipient": postmark(Words(to="")),
    "postmark no id": postmark(Words(id="")),
    "resend no such id": resend(Words(id="../../x")),
    "resend no recipient": resend(Words(to="")),
    "forward-email no recipient": forward_email(Words(to="")),
    "stalwart no json": replace(stalwart(), body=b"\xff"),
    "stalwart no recipient": stalwart(Words(to="")),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_body_that_cannot_be_read_is_answered_400_and_nothing_is_kept(ingest: Ingest, case: str) -> None:
    is_refused(ingest, MALFORMED[case], 400)
    assert [url for url, _ in ingest.fetched if url != CERTIFICATE] == []


@pytest.mark.parametrize(
    "body", [b"", b"--b0undary", b"x" * 100, b"--b0undary\r\nContent-Disposition: x\r\n", b"--b0undary\r\n: \r\n"]
)
def test_a_form_that_is_none_is_refused(ingest: Ingest, body: bytes) -> None:
    good = mailgun()
    answer = ingest.post(replace(good, body=body))
    assert (answer.status_code in (400, 401), ingest.mails()) == (True, [])


def test_a_form_of_too_many_fields_is_answered_400(ingest: Ingest) -> None:
    body, kind = multipart({f"f{number}": b"" for number in range(501)})
    is_refused(ingest, Post("/ingest/mailgun/mime", {"content-type": kind}, body), 400)


def test_a_mail_with_too_many_recipients_is_answered_400(ingest: Ingest) -> None:
    many = "&".join(f"rcpt=a{number}@example.net" for number in range(1005))
    is_refused(ingest, signed_raw(f"/ingest/raw?{many}"), 400)


NOT_WHOLE = {
    "mailgun": mailgun(Words(content=b"")),
    "ses": ses(encoded=""),
    "sendgrid": sendgrid(Words(content=b"")),
    "postmark": postmark(Words(content=b"")),
    "forward-email": forward_email(Words(content=b"")),
}


@pytest.mark.parametrize("service", NOT_WHOLE)
def test_a_service_that_is_set_to_send_no_whole_mail_is_told_so_and_tries_again(ingest: Ingest, service: str) -> None:
    answer = ingest.post(NOT_WHOLE[service])
    assert (answer.status_code, "retry-after" in answer.headers, ingest.mails()) == (503, True, [])


# How much and how often

SMALL = PostLimits(mail=2000, memory=10**9, rate=0)


@each_service
def test_a_mail_that_is_too_big_is_not_kept_and_not_tried_for_ever(tmp_path: Path, service: str) -> None:
    """Where a service would try 413 again, the mail is acknowledged and logged."""
    words = Words(content=MAIL + b"x" * 3000)
    with Ingest(tmp_path, limits=SMALL) as ingest:
        prepare_web(ingest, words)
        answer = ingest.post(SERVICES[service](words))
        assert (answer.status_code in (200, 413), ingest.mails()) == (True, [])
        assert "2000 octets" in answer.text


def post_too_much(ingest: Ingest, service: str, *, chunked: bool) -> httpx.Response:
    good = SERVICES[service](Words())
    body = good.body + b" " * (2 * 1024 * 1024)
    return ingest.client.post(good.path, content=iter([body]) if chunked else body, headers=dict(good.headers))


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("service", [name for name in SERVICES if name != "stalwart"])
def test_a_body_of_more_than_a_service_may_send_is_answered_413(tmp_path: Path, service: str, chunked: bool) -> None:
    with Ingest(tmp_path, limits=SMALL) as ingest:
        answer = post_too_much(ingest, service, chunked=chunked)
        assert (answer.status_code, ingest.mails()) == (413, [])
        assert "octets" in answer.json()["error"]


@pytest.mark.parametrize("chunked", [True, False])
def test_a_mail_that_is_too_big_is_not_held_up_at_the_server_whose_hook_has_it(tmp_path: Path, chunked: bool) -> None:
    with Ingest(tmp_path, limits=SMALL) as ingest:
        answer = post_too_much(ingest, "stalwart", chunked=chunked)
        assert (answer.status_code, answer.json()) == (200, {"status": "too big", "action": "accept"})
        assert ingest.mails() == []


def test_more_than_fits_in_memory_at_once_is_answered_503(tmp_path: Path) -> None:
    with Ingest(tmp_path, limits=PostLimits(mail=10_000, memory=100, rate=0)) as ingest:
        answer = ingest.post(raw())
        assert (answer.status_code, answer.headers["retry-after"], ingest.mails()) == (503, "60", [])


def test_memory_is_given_back_after_each_post_whatever_became_of_it(tmp_path: Path) -> None:
    with Ingest(tmp_path, limits=PostLimits(mail=1000, memory=1200, rate=0)) as ingest:
        for number in range(5):
            assert ingest.post(raw(Words(id=f"m{number}"))).status_code == 200
            assert ingest.post(FORGED["raw"]()).status_code == 401
            assert post_too_much(ingest, "raw", chunked=True).status_code in (413, 503)


def test_more_mails_than_may_come_in_a_minute_are_answered_429_with_a_time_to_come_again(tmp_path: Path) -> None:
    with Ingest(tmp_path, limits=PostLimits(mail=10_000, memory=10**9, rate=2)) as ingest:
        answers = [ingest.post(raw(Words(id=f"m{number}"))) for number in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert len(ingest.mails()) == 2


def test_forged_posts_use_up_nothing_of_what_a_service_may_send(tmp_path: Path) -> None:
    with Ingest(tmp_path, limits=PostLimits(mail=10_000, memory=10**9, rate=1)) as ingest:
        for _ in range(3):
            assert ingest.post(FORGED["raw"]()).status_code == 401
        assert ingest.post(raw()).status_code == 200


@each_service
def test_a_spool_without_space_is_answered_503_and_the_mail_arrives_when_there_is_space_again(
    tmp_path: Path, service: str
) -> None:
    with Ingest(tmp_path, max_backlog=1) as ingest:
        prepare_web(ingest)
        assert ingest.post(raw(Words(id="before", content=OTHER_MAIL))).status_code == 200
        answer = ingest.post(SERVICES[service](Words()))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        ingest.spool.done([mail.key for mail in ingest.mails()])
        eventually(lambda: ingest.post(SERVICES[service](Words())).status_code == 200)
        assert [mail.envelope.inlet for mail in ingest.mails()] == [service]


@each_service
def test_while_nobody_can_know_what_was_issued_a_mail_is_answered_503_and_arrives_once_the_store_answers(
    tmp_path: Path, service: str
) -> None:
    words = Words(to="new-address@example.net")
    with Ingest(tmp_path) as ingest:
        prepare_web(ingest, words)
        ingest.store.fault = OSError("the store is down")
        answer = ingest.post(SERVICES[service](words))
        assert (answer.status_code, answer.headers["retry-after"], ingest.mails()) == (503, "60", [])
        ingest.store.fault, ingest.store.addresses = None, frozenset({"new-address@example.net"})
        assert ingest.post(SERVICES[service](words)).status_code == 200
        assert [mail.envelope.rcpt_to for mail in ingest.mails()] == [("new-address@example.net",)]


def test_a_store_that_is_down_keeps_no_mail_for_an_issued_address_out(tmp_path: Path) -> None:
    with Ingest(tmp_path) as ingest:
        ingest.store.fault = OSError("the store is down")
        assert ingest.post(raw()).status_code == 200


# Mail for nobody


@pytest.mark.parametrize(
    ("service", "status"),
    {
        "raw": 404, "mailgun": 406, "ses": 200, "sendgrid": 200, "postmark": 403, "resend": 200, "forward-email": 200,
        "stalwart": 200,
    }.items(),
)  # fmt: skip
def test_mail_for_no_canary_is_answered_so_that_it_does_not_come_again(
    ingest: Ingest, service: str, status: int
) -> None:
    words = Words(to="never-issued@example.net")
    answer = ingest.post(SERVICES[service](words))
    assert (answer.status_code, answer.json()["status"]) == (status, "no canary is written to")
    assert ingest.mails() == []


@each_service
def test_an_address_that_was_never_issued_is_a_guess_where_somebody_vouches_for_the_envelope(
    ingest: Ingest, service: str
) -> None:
    ingest.post(SERVICES[service](Words(to="never-issued@example.net")))
    vouched = ARRIVES[service][0] is not Trust.CLAIMED
    assert [attempt.kind for attempt in ingest.attempts()] == ([AttemptKind.GUESS] if vouched else [])


def test_foreign_mail_is_no_guess(ingest: Ingest) -> None:
    ingest.post(raw(Words(to="anybody@elsewhere.example")))
    assert ingest.attempts() == []


# Stalwart


def test_stalwart_is_always_answered_that_it_may_accept(ingest: Ingest) -> None:
    for stage in ("connect", "ehlo", "mail", "rcpt", "data"):
        assert ingest.post(stalwart(stage=stage)).json()["action"] == "accept"
    assert len(ingest.mails()) == 1


def test_a_recipient_of_stalwart_that_was_never_issued_is_a_guess(ingest: Ingest) -> None:
    ingest.post(stalwart(Words(to="never-issued@example.net"), "rcpt"))
    (attempt,) = ingest.attempts()
    assert (attempt.kind, attempt.source) == (AttemptKind.GUESS, "192.0.2.0/24")


def test_a_recipient_of_stalwart_whose_mail_does_not_follow_is_a_probe(ingest: Ingest) -> None:
    ingest.post(stalwart(stage="rcpt"))
    ingest.probes_after(timedelta(minutes=11))
    (attempt,) = ingest.attempts()
    assert (attempt.kind, attempt.address, attempt.source) == (AttemptKind.PROBE, CANARY, "192.0.2.0/24")


def test_a_recipient_of_stalwart_whose_mail_may_still_follow_is_no_probe_yet(ingest: Ingest) -> None:
    ingest.post(stalwart(stage="rcpt"))
    ingest.probes_after(timedelta(minutes=9))
    assert ingest.attempts() == []


def test_a_recipient_of_stalwart_whose_mail_follows_is_no_probe(ingest: Ingest) -> None:
    ingest.post(stalwart(stage="rcpt"))
    ingest.post(stalwart(stage="data"))
    ingest.probes_after(timedelta(hours=1))
    assert ingest.attempts() == []


def test_a_mail_of_another_client_does_not_explain_a_probe(ingest: Ingest) -> None:
    ingest.post(stalwart(stage="rcpt", port=1))
    ingest.post(stalwart(stage="data", port=2))
    ingest.probes_after(timedelta(hours=1))
    assert [attempt.kind for attempt in ingest.attempts()] == [AttemptKind.PROBE]


# Other services


def test_resend_is_asked_for_the_mail_with_its_token_and_the_file_without(ingest: Ingest) -> None:
    ingest.post(resend())
    assert [headers for _, headers in ingest.fetched] == [{"Authorization": f"Bearer {RESEND_TOKEN}"}, {}]


def test_an_event_of_resend_that_is_no_mail_is_acknowledged(ingest: Ingest) -> None:
    assert ingest.post(resend(kind="email.delivered")).status_code == 200
    assert (ingest.mails(), ingest.fetched) == ([], [])


def test_a_mail_of_resend_that_cannot_be_fetched_is_answered_503(ingest: Ingest) -> None:
    ingest.web.clear()
    answer = ingest.post(resend())
    assert (answer.status_code, "retry-after" in answer.headers, ingest.mails()) == (503, True, [])


def test_a_notice_of_ses_about_another_thing_is_acknowledged(ingest: Ingest) -> None:
    message = {
        "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Timestamp": NOW.isoformat(),
        "Message": json.dumps({"notificationType": "Bounce"}),
    }  # fmt: skip
    assert ingest.post(sns(message)).status_code == 200
    assert ingest.mails() == []


# How it goes


def test_a_service_is_watched_before_its_first_mail(ingest: Ingest) -> None:
    assert (ingest.state("raw").phase, ingest.state("raw").has_mail) == (Phase.WATCHING, False)


def test_mails_of_a_service_are_counted_once_each(ingest: Ingest) -> None:
    ingest.post(raw())
    ingest.post(raw(Words(to="never-issued@example.net", id="other")))
    ingest.state("raw")
    state = ingest.state("raw")
    assert (state.kept, state.skipped, state.arrived) == (1, 1, NOW)
    assert ingest.state("mailgun").kept == 0


def test_the_last_refusal_is_shown_until_a_mail_comes_and_is_no_trouble_as_anybody_may_post(ingest: Ingest) -> None:
    ingest.post(FORGED["raw"]())
    state = ingest.state("raw")
    assert (state.phase, state.said) == (
        Phase.WATCHING,
        "a post was refused with 401: the signature is not by the secret of this inlet",
    )
    ingest.post(raw())
    assert ingest.state("raw").said == ""


def test_a_service_that_sends_no_whole_mail_is_in_trouble_until_it_does(ingest: Ingest) -> None:
    ingest.post(NOT_WHOLE["mailgun"])
    ingest.post(FORGED["mailgun"]())
    state = ingest.state("mailgun")
    assert state.phase is Phase.TROUBLE
    assert "end in /mime" in state.said
    ingest.clock.now += timedelta(seconds=1)
    ingest.post(mailgun(Words(id="next")))
    assert ingest.state("mailgun").phase is Phase.WATCHING


# The server


def test_only_what_is_set_is_served(tmp_path: Path) -> None:
    with Ingest(tmp_path, mailgun=None) as ingest:
        assert ingest.post(mailgun()).status_code == 404
        assert ingest.client.get("/login").status_code == 404
        assert ingest.client.get("/ingest/raw").status_code == 405
        assert ingest.client.get("/healthz").json() == {"status": "ok"}


def test_a_client_that_leaves_in_the_middle_of_a_mail_leaves_nothing(ingest: Ingest) -> None:
    good = raw()
    head = "".join(f"{name}: {value}\r\n" for name, value in good.headers.items())
    ingest.send_and_leave(f"POST {good.path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 9999\r\n\r\n".encode() + MAIL)
    assert ingest.post(raw(Words(id="next"))).status_code == 200
    assert len(ingest.mails()) == 1

"""Through forwarders: who wrote, by what each of them states and by what came through; and who may not pretend to be one."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.forwarder_registry import Forwarder, ForwarderKind
from canary.judge.organisation import is_never_vendor
from canary.model.verdict import Judgement, Reason, Verdict
from tests.effort import cpu_seconds
from tests.forwarded_mail import GROUNDS, OWN, came_from, results, seen, verdict

NEWSLETTER = "Come and buy.\r\nUnsubscribe https://{0}/u\r\n"


def simplelogin(author: str) -> tuple[str, ...]:
    local, _, domain = author.partition("@")
    return (
        "Return-Path: <sl.abc@simplelogin.co>",
        came_from("mail-1.simplelogin.co"),
        results("dkim=pass header.d=simplelogin.co", "spf=pass smtp.mailfrom=sl.abc@simplelogin.co"),
        "X-SimpleLogin-Type: Forward",
        f"X-SimpleLogin-Envelope-From: bounce@{domain}",
        f"X-SimpleLogin-Original-From: {author}",
        f"X-SimpleLogin-Envelope-To: bikeparts@{OWN}",
        f'From: "{local} at {domain}" <ra+abc@simplelogin.co>',
    )


def addy(author: str) -> tuple[str, ...]:
    local, _, domain = author.partition("@")
    return (
        "Return-Path: <b_1@mailer.addy.io>",
        came_from("mail2.addy.io"),
        results("dkim=pass header.d=my.example", "spf=pass smtp.mailfrom=b_1@mailer.addy.io"),
        f"X-AnonAddy-Original-Sender: {author}",
        f"X-AnonAddy-Original-Envelope-From: bounce@{domain}",
        f'From: "{local} at {domain}" <bikeparts+{local}={domain}@{OWN}>',
    )


def addy_of_ones_own(author: str) -> tuple[str, ...]:
    local, _, domain = author.partition("@")
    return (
        f"Return-Path: <bounce@{OWN}>",
        came_from(f"mail.{OWN}"),
        results("dkim=pass header.d=my.example", f"spf=pass smtp.mailfrom=bounce@{OWN}"),
        f"X-AnonAddy-Original-Sender: {author}",
        f'From: "{local} at {domain}" <bikeparts+{local}={domain}@{OWN}>',
    )


def relay(author: str) -> tuple[str, ...]:
    return (
        "Return-Path: <0100@ses.relay.firefox.com>",
        came_from("a1.smtp-out.amazonses.example"),
        results("dkim=pass header.d=mozmail.com", "spf=pass smtp.mailfrom=0100@ses.relay.firefox.com"),
        f'From: "{author} [via Relay]" <x7k@mozmail.com>',
    )


def duckduckgo(author: str) -> tuple[str, ...]:
    return (
        "Return-Path: <bounce@duck.com>",
        came_from("smtp-outbound1.duck.com"),
        results("dkim=pass header.d=duck.com", "spf=pass smtp.mailfrom=bounce@duck.com"),
        f"From: <{author.replace('@', '_at_')}_reader@duck.com>",
    )


def apple(author: str) -> tuple[str, ...]:
    return (
        "Return-Path: <bounce@privaterelay.appleid.com>",
        came_from("rn2.privaterelay.appleid.com"),
        results("dkim=pass header.d=privaterelay.appleid.com", "spf=none"),
        f"From: <{author.replace('@', '_at_').replace('.', '_')}_a1b2c3@privaterelay.appleid.com>",
    )


Service = Callable[[str], tuple[str, ...]]

STATING: tuple[Service, ...] = (simplelogin, addy, addy_of_ones_own)
MASKING: tuple[Service, ...] = (relay, duckduckgo, apple)


def codes(judged: Judgement) -> set[Reason]:
    return {reason.code for reason in judged.reasons}


@pytest.mark.parametrize("service", STATING + MASKING)
def test_the_vendors_own_mail_through_an_alias_service_is_a_question_that_says_so(service: Service) -> None:
    judged = verdict(*service("news@bikeparts.example"), body=NEWSLETTER.format("bikeparts.example"))
    assert judged.verdict is Verdict.NEW_SENDER
    assert Reason.WRITER_HIDDEN in codes(judged)
    assert seen(*service("news@bikeparts.example"))[2].claim == "bikeparts.example"


@pytest.mark.parametrize("service", STATING)
def test_a_stranger_whom_an_alias_service_names_is_charged(service: Service) -> None:
    judged = verdict(*service("win@casino.example"), body=NEWSLETTER.format("casino.example"))
    assert judged.verdict is Verdict.SPAM
    assert Reason.FORWARDED in codes(judged)
    assert "win@casino.example" in " ".join(reason.text for reason in judged.reasons)


@pytest.mark.parametrize("service", MASKING)
def test_a_stranger_behind_a_mask_is_asked_about(service: Service) -> None:
    assert (
        verdict(*service("win@casino.example"), body=NEWSLETTER.format("casino.example")).verdict is Verdict.NEW_SENDER
    )


@pytest.mark.parametrize("service", STATING)
def test_a_stranger_that_speaks_of_the_vendor_is_asked_about_behind_an_alias_service(service: Service) -> None:
    judged = verdict(*service("track@parcels.example"), body="Your parcel from Bike Parts is on its way.\r\n")
    assert judged.verdict is Verdict.NEW_SENDER


@pytest.mark.parametrize("service", STATING + MASKING)
def test_fraud_is_charged_through_any_forwarder(service: Service) -> None:
    body = (
        "I am a barrister and the late Mr Smith left 8,500,000 dollars unclaimed. Send your bank account details and your"
        " date of birth to receive this inheritance as next of kin. Strictly confidential.\r\n"
    )
    assert verdict(*service("news@bikeparts.example"), body=body).leak


SRS = "SRS0=AbCd=XY={0}=bounce@{1}"


def by_srs(author: str, via: str, *stated: str, host: str = "", to: str = "me@mailbox.example") -> tuple[str, ...]:
    path = SRS.format(author.partition("@")[2], via)
    found = results(*stated, f"spf=pass smtp.mailfrom={path}")
    return (f"Return-Path: <{path}>", came_from(host or f"out.{via}", to=to), found, f"From: <{author}>")


FAILED = "dmarc=fail (p=reject dis=none) header.from=bikeparts.example"


@pytest.mark.parametrize("via", ["forwardemail.net", "improvmx.com", OWN, "unheard-of-registrar.example"])
def test_an_srs_forwarder_makes_no_impersonation_of_the_vendors_own_mail(via: str) -> None:
    judged = verdict(*by_srs("news@bikeparts.example", via, FAILED))
    assert judged.verdict is Verdict.NEW_SENDER
    assert Reason.WRITER_HIDDEN in codes(judged)


@pytest.mark.parametrize("via", ["forwardemail.net", "improvmx.com", "cloudflare-email.net", OWN, "registrar.example"])
@pytest.mark.parametrize(("author", "expected"), [("bikeparts.example", "expected"), ("casino.example", "third-party")])
def test_a_signature_that_came_through_proves_the_writer_behind_any_forwarder(
    via: str, author: str, expected: str
) -> None:
    lines = by_srs(f"news@{author}", via, f"dkim=pass header.d={author}", f"dmarc=pass header.from={author}")
    assert verdict(*lines, body=NEWSLETTER.format(author)).verdict.value == expected
    assert seen(*lines)[2].domain == author


def test_a_reverse_path_that_looks_rewritten_excuses_nobody_who_came_straight_to_the_address() -> None:
    lines = by_srs("news@bikeparts.example", "thief.example", FAILED, to=f"bikeparts@{OWN}")
    assert verdict(*lines).verdict is Verdict.IMPERSONATION


def test_a_plain_forwarder_that_rewrites_nothing_is_told_by_the_mailbox_that_it_delivers_to() -> None:
    failed = ("spf=fail smtp.mailfrom=b@bikeparts.example", FAILED)
    lines = ("Return-Path: <b@bikeparts.example>", came_from("fwd.registrar.example"), results(*failed))
    judged = verdict(*lines, "From: <news@bikeparts.example>")
    assert judged.verdict is Verdict.NEW_SENDER
    direct = (lines[0], came_from("evil.example", to=f"bikeparts@{OWN}"), lines[2])
    assert verdict(*direct, "From: <news@bikeparts.example>").verdict is Verdict.IMPERSONATION


def test_gmail_forwarding_is_read_from_its_own_reverse_path() -> None:
    path = f"me+caf_=me=mailbox.example@{OWN}"
    lines = (
        f"Return-Path: <{path}>", came_from("mail-ej1-f41.google.com"),
        results(f"spf=pass smtp.mailfrom={path}", "dkim=pass header.d=bikeparts.example"),
        "X-Forwarded-To: me@mailbox.example", f"X-Forwarded-For: bikeparts@{OWN} me@mailbox.example",
        "From: <news@bikeparts.example>",
    )  # fmt: skip
    assert verdict(*lines).verdict is Verdict.EXPECTED


def test_who_has_a_mailbox_at_a_provider_is_no_forwarded_mail() -> None:
    lines = (
        "Return-Path: <anna@gmail.com>", came_from("mail-ej1-f41.google.com", to=f"bikeparts@{OWN}"),
        results("spf=pass smtp.mailfrom=anna@gmail.com", "dkim=pass header.d=gmail.com"),
        "From: Anna <anna@gmail.com>",
    )  # fmt: skip
    assert seen(*lines)[2].forwarder == ""


@pytest.mark.parametrize("host", ["mail-out.ovh.net", "relay5.mail.gandi.net", "a1.mta.cloudflare-email.net"])
def test_a_shop_whose_mail_is_hosted_where_others_forward_keeps_its_proof(host: str) -> None:
    found = results("spf=pass smtp.mailfrom=b@bikeparts.example")
    lines = ("Return-Path: <b@bikeparts.example>", came_from(host), found, "From: <news@bikeparts.example>")
    assert verdict(*lines).verdict is Verdict.EXPECTED


@pytest.mark.parametrize("domain", ["gandi.net", "ovh.com", "forwardemail.net"])
def test_what_a_forwarder_writes_itself_is_not_forwarded(domain: str) -> None:
    found = results(f"spf=pass smtp.mailfrom=b@{domain}", f"dkim=pass header.d={domain}")
    lines = (f"Return-Path: <b@{domain}>", came_from(f"mail.{domain}"), found, f"From: <billing@{domain}>")
    assert (seen(*lines)[2].domain, seen(*lines)[2].forwarder) == (domain, "")


SEALED = (
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=fwd.example; s=s; b=AAAA",
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=fwd.example; s=s; h=from; bh=AAAA; b=AAAA",
    "ARC-Authentication-Results: i=1; fwd.example; dkim=pass header.d=bikeparts.example; spf=pass smtp.mailfrom=b@bikeparts.example",
)


@pytest.mark.parametrize(("trusted", "expected"), [(True, Verdict.EXPECTED), (False, Verdict.NEW_SENDER)])
def test_what_a_forwarder_sealed_counts_where_the_owner_trusts_it(*, trusted: bool, expected: Verdict) -> None:
    side = replace(GROUNDS.side, writers=(*GROUNDS.side.writers, *(["fwd.example"] if trusted else [])))
    lines = by_srs("news@bikeparts.example", "fwd.example", FAILED, "arc=pass (i=1)")
    judged = verdict(*lines[:-1], *SEALED, lines[-1], grounds=replace(GROUNDS, side=side))
    assert judged.verdict is expected


def on_a_list(author: str, *stated: str) -> tuple[str, ...]:
    path = "users-bounces@lists.bikeclub.example"
    return (
        f"Return-Path: <{path}>",
        came_from("lists.bikeclub.example"),
        results(f"spf=pass smtp.mailfrom={path}", *stated),
        "List-Id: Users <users.lists.bikeclub.example>",
        "List-Post: <mailto:users@lists.bikeclub.example>",
        f"From: <{author}>",
    )


@pytest.mark.parametrize("author", ["anna@gmail.com", "ben@company.example", "cleo@university.example"])
def test_many_write_to_a_mailing_list_and_the_list_is_who_sends(author: str) -> None:
    stated = f"dkim=pass header.d={author.partition('@')[2]}"
    assert {seen(*on_a_list(author, *more))[2].domain for more in ((), (stated,))} == {"lists.bikeclub.example"}


def test_a_list_of_ones_own_is_no_way_to_pass_for_a_vendor_that_forbids_it() -> None:
    lines = on_a_list("news@bikeparts.example", FAILED)
    assert verdict(*lines).verdict is Verdict.IMPERSONATION
    assert seen(*lines)[2].claim == "bikeparts.example"


def test_who_writes_on_a_platform_of_lists_is_asked_about() -> None:
    lines = (
        "Return-Path: <club+bncX@googlegroups.com>", came_from("mail-x.google.com"),
        results("spf=pass smtp.mailfrom=club+bncX@googlegroups.com", "dkim=pass header.d=googlegroups.com"),
        "List-Id: <club.googlegroups.com>", "List-Post: <mailto:club@googlegroups.com>",
        "From: 'Anna' via Club <club@googlegroups.com>",
    )  # fmt: skip
    assert verdict(*lines).verdict is Verdict.NEW_SENDER


LABEL = st.from_regex(r"[a-z]{3,10}", fullmatch=True)
AUTHORS = st.builds(
    lambda local, label, end: f"{local}@{label}.{end}", LABEL, LABEL, st.sampled_from(("example", "co.uk", "de"))
)
NOISE = st.lists(
    st.sampled_from((
        "X-Forwarded-For: someone@else.example", "X-Spam-Flag: NO", "DKIM-Signature: v=1; d=bikeparts.example; b=x",
        "Authentication-Results: mx.mailbox.example.evil.example; dkim=pass header.d=bikeparts.example",
        "Received: from bikeparts.example (bikeparts.example [192.0.2.99]) by mx.mailbox.example; Sun, 01 Mar 2026 12:00:00 +0000",
        "Resent-From: news@bikeparts.example", "List-Id: <x.bikeparts.example>", "X-Original-From: news@bikeparts.example",
    )),
    max_size=5,
)  # fmt: skip


def unstated(lines: tuple[str, ...]) -> list[str]:
    """Leave out what the service states, as older releases and other services do not state it."""
    return [
        line for line in lines if not line.lower().startswith(("x-simplelogin-original", "x-anonaddy-original-sender"))
    ]


@given(st.sampled_from(STATING + MASKING), AUTHORS, NOISE)
def test_through_a_forwarder_that_hides_the_writer_the_verdict_is_a_question_that_says_so(
    service: Service,
    author: str,
    noise: list[str],
) -> None:
    *lines, sender = unstated(service(author))
    judged = verdict(*lines, *noise, sender)
    assert judged.verdict is Verdict.NEW_SENDER
    assert Reason.WRITER_HIDDEN in codes(judged)


@given(st.sampled_from(STATING + MASKING), AUTHORS, NOISE)
def test_no_forwarder_and_no_domain_of_ones_own_is_ever_who_wrote(
    service: Service, author: str, noise: list[str]
) -> None:
    *lines, sender = service(author)
    who = seen(*lines, *noise, sender)[2]
    held = (who.claim, who.domain, *who.domains)
    assert not [each for each in held if each and is_never_vendor(each, (OWN,), GROUNDS.side.forwarders.holder_of)]


@given(
    st.sampled_from([each for each in GROUNDS.side.forwarders.forwarders if each.kind is not ForwarderKind.SCHEME]),
    st.data(),
)
def test_what_serves_a_forwarder_to_carry_mail_is_no_vendors(row: Forwarder, data: st.DataObject) -> None:
    own = row.envelope if row.kind is ForwarderKind.ALIAS else ()
    domain = data.draw(st.sampled_from((*row.dkim, *row.addresses, *own, "gmail.com")))
    assert is_never_vendor(f"x.{domain}", (), GROUNDS.side.forwarders.carrier_of)


@pytest.mark.parametrize("domain", ["google.com", "ovh.net", "gandi.net", "shop.example"])
def test_who_forwards_among_other_business_may_be_a_vendor(domain: str) -> None:
    assert not is_never_vendor(domain, (OWN,), GROUNDS.side.forwarders.carrier_of)


@pytest.mark.parametrize(
    "domain",
    """
    simplelogin.co simplelogin.io addy.io anonaddy.com anonaddy.me mozmail.com relay.firefox.com duck.com improvmx.com
    privaterelay.appleid.com forwardemail.net cloudflare-email.net gmail.com fastmail.com googlegroups.com icloud.com
    """.split(),
)
def test_the_forwarders_that_people_use_are_no_vendors(domain: str) -> None:
    assert is_never_vendor(domain, (OWN,), GROUNDS.side.forwarders.carrier_of)


HEADERS = st.sampled_from((
    "From", "Return-Path", "X-SimpleLogin-Original-From", "X-SimpleLogin-Envelope-From", "X-SimpleLogin-Client-IP",
    "X-AnonAddy-Authentication-Results", "ARC-Seal", "ARC-Authentication-Results", "List-Id", "List-Post", "Received",
    "Delivered-To", "X-Forwarded-For", "To",
))  # fmt: skip
PIECES = st.sampled_from((
    "<", ">", "@", "a@b.example", '"', "(", "SRS0=", "=", "+caf_=", "_at_", "i=1", ";", "d=x.example", " ", "\r\n ", "ü",
    "\0", "=?utf-8?q?a?=", "[via Relay]", "for <", "by ", "99", "." * 70, "a" * 300,
))  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(HEADERS, st.lists(PIECES, max_size=12).map("".join)), max_size=12))
def test_nothing_in_a_header_makes_it_raise(written: list[tuple[str, str]]) -> None:
    mail, _, who = seen(*simplelogin("a@b.example")[:4], *(f"{name}: {value}" for name, value in written))
    assert who.forwarder == "SimpleLogin"
    assert len(mail.sender.address) <= 320


def test_a_header_of_any_size_costs_little() -> None:
    lines = [f"X-Forwarded-For: a{n}@{OWN} {'x ' * 2000}" for n in range(300)]
    lines += [f"ARC-Seal: i={n % 50 + 1}; d=fwd.example; b={'A' * 500}" for n in range(300)]
    assert cpu_seconds(lambda: seen(*simplelogin("a@b.example"), *lines)) < 1


def test_the_headers_of_a_forwarder_that_nothing_proves_state_nothing() -> None:
    lines = list(simplelogin("news@bikeparts.example"))
    lines[1] = came_from("evil.example", to=f"bikeparts@{OWN}")
    lines[2] = results("dkim=fail header.d=simplelogin.co", "spf=fail smtp.mailfrom=sl.abc@simplelogin.co")
    judged = verdict(*lines[:-1], 'From: "Casino" <ra+abc@simplelogin.co>', body="Spin and win 5000 today.\r\n")
    assert judged.verdict is Verdict.SPAM
    assert seen(*lines)[2].forwarder == ""


def test_two_headers_that_disagree_about_the_writer_state_nothing() -> None:
    *lines, sender = simplelogin("win@casino.example")
    who = seen(*lines, "X-SimpleLogin-Original-From: news@bikeparts.example", sender)[2]
    assert (who.forwarder, who.author) == ("SimpleLogin", "")
    assert verdict(*lines, "X-SimpleLogin-Original-From: news@bikeparts.example", sender).verdict is Verdict.NEW_SENDER


def test_results_that_a_forwarder_states_prove_the_writer_it_names() -> None:
    *lines, sender = addy("news@bikeparts.example")
    stated = "X-AnonAddy-Authentication-Results: mail2.addy.io; dkim=pass header.d=bikeparts.example; spf=pass smtp.mailfrom=b@out.example"
    assert verdict(*lines, stated, sender).verdict is Verdict.EXPECTED
    assert verdict(*lines, stated.replace("pass header", "fail header"), sender).verdict is Verdict.NEW_SENDER


@pytest.mark.parametrize("header", ["X-Original-Authentication-Results", "X-AnonAddy-Authentication-Results"])
def test_results_that_a_forwarder_only_passes_on_prove_nothing(header: str) -> None:
    path = f"me+caf_=me=mailbox.example@{OWN}"
    lines = (
        f"Return-Path: <{path}>", came_from("mail-ej1-f41.google.com"), results(f"spf=pass smtp.mailfrom={path}"),
        f"{header}: mx.google.com; dkim=pass header.d=bikeparts.example", "From: <news@bikeparts.example>",
    )  # fmt: skip
    assert verdict(*lines).verdict is Verdict.NEW_SENDER


def test_what_was_sealed_counts_only_if_all_who_sealed_later_are_trusted() -> None:
    second = (
        "ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=else.example; s=s; b=AAAA",
        "ARC-Authentication-Results: i=2; else.example; arc=pass",
    )
    lines = by_srs("news@bikeparts.example", "fwd.example", FAILED, "arc=pass (i=2)")
    for writers, expected in (
        (("fwd.example",), Verdict.NEW_SENDER),
        (("fwd.example", "else.example"), Verdict.EXPECTED),
    ):
        grounds = replace(GROUNDS, side=replace(GROUNDS.side, writers=(*GROUNDS.side.writers, *writers)))
        assert verdict(*lines[:-1], *second, *SEALED, lines[-1], grounds=grounds).verdict is expected


def test_a_chain_that_is_broken_seals_nothing() -> None:
    lines = by_srs("news@bikeparts.example", "fwd.example", FAILED, "arc=fail (i=1)")
    grounds = replace(GROUNDS, side=replace(GROUNDS.side, writers=(*GROUNDS.side.writers, "fwd.example")))
    assert verdict(*lines[:-1], *SEALED, lines[-1], grounds=grounds).verdict is Verdict.NEW_SENDER

"""Who sent a mail: from proofs to domain, organisation, mail provider and the provider's customer."""

from dataclasses import replace
from pathlib import Path

import pytest

from canary.judge.identity import identify
from canary.model.identity import Identity, Proof
from canary.model.mail import Mailbox, ParsedMail
from canary.model.proof import Proofs, Result, SpfResult
from tests.effort import cpu_seconds
from tests.supplier_cases import FOLDERS, book, claimed_suppliers, envelope, load, signed

PASSED = Result.PASS
EACH = pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)


def mail(sender: str = "news@shop.example", *headers: tuple[str, str]) -> ParsedMail:
    return ParsedMail(headers=headers, senders=(Mailbox("", sender),))


def who(proofs: Proofs, *headers: tuple[str, str], sender: str = "news@shop.example", path: str = "") -> Identity:
    return identify(mail(sender, *headers), proofs, envelope(path), book())


def spf(domain: str, scope: str = "mailfrom") -> SpfResult:
    return SpfResult(PASSED, domain, scope)


def signature(domain: str, selector: str, covers: str) -> tuple[str, str]:
    return "DKIM-Signature", f"v=1; d={domain};\r\n s={selector}; h={covers};\r\n bh=x; b=y"


def test_every_supplier_has_a_test_mail() -> None:
    assert {provider.slug for provider in book().providers} - {folder.name for folder in FOLDERS} == set()


def test_every_test_mail_belongs_to_a_supplier() -> None:
    assert {folder.name for folder in FOLDERS} - {provider.slug for provider in book().providers} == set()


@EACH
def test_the_supplier_and_its_account_are_recognised(folder: Path) -> None:
    case = load(folder)
    found = case.identity()
    assert case.expect == {
        "esp": found.esp,
        "account": found.account or "",
        "proof": found.proof.value,
        "domain": found.domain,
        "shared": found.shared,
    }


@EACH
def test_the_same_mail_with_proof_of_somebody_else_names_no_supplier(folder: Path) -> None:
    case = load(folder)
    proofs = Proofs(spf=spf("stranger.example"), dkim=signed("stranger.example/s1"))
    found = identify(case.mail, proofs, replace(case.envelope, client=envelope().client), book())
    assert (found.esp, found.account, found.domain) == (None, None, "stranger.example")


@EACH
def test_the_same_mail_without_any_proof_names_nobody(folder: Path) -> None:
    found = identify(load(folder).mail, Proofs(), envelope(), book())
    assert (found.esp, found.account, found.domain, found.proven) == (None, None, "", False)


@EACH
def test_a_supplier_that_leaves_marks_is_claimed_by_its_test_mail(folder: Path) -> None:
    provider = next(p for p in book().providers if p.slug == folder.name)
    marked = bool(provider.headers or provider.feedback_id or provider.unsubscribe)
    assert (folder.name in claimed_suppliers(load(folder).mail, book())) == marked


def test_marks_that_anybody_can_copy_are_named_as_a_claim_only() -> None:
    copied = mail("news@shop.example", ("X-SFMC-Stack", "7"), ("X-MC-User", "4f0c"))
    assert claimed_suppliers(copied, book()) == ("mailchimp", "salesforce-marketing-cloud")


@pytest.mark.parametrize("folder", [f for f in FOLDERS if load(f).expect["account"]], ids=lambda p: p.name)
def test_another_customer_of_the_same_supplier_is_another_account(folder: Path) -> None:
    case = load(folder)
    account = case.expect["account"]
    last = account.rpartition(".")[2]
    other = case.rewritten(last, last[:-1] + ("1" if last[-1] != "1" else "2"))
    assert other.identity().esp == folder.name
    assert other.identity().account not in (None, account)


@pytest.mark.parametrize(
    ("dkim", "envelope_domain", "domain", "proof"),
    [
        (["mail.shop.example"], "shop.example", "mail.shop.example", Proof.DKIM_ALIGNED),
        (["other.example", "shop.example", "mail.shop.example"], "", "shop.example", Proof.DKIM_ALIGNED),
        (["other.example"], "bounce.shop.example", "bounce.shop.example", Proof.SPF_ALIGNED),
        (["other.example"], "third.example", "other.example", Proof.DKIM),
        (["sendgrid.net", "other.example"], "", "other.example", Proof.DKIM),
        (["sendgrid.net"], "third.example", "third.example", Proof.SPF),
        (["sendgrid.net"], "sendgrid.net", "sendgrid.net", Proof.DKIM),
        (["sendgrid.net", "shop.example"], "sendgrid.net", "shop.example", Proof.DKIM_ALIGNED),
        ([], "third.example", "third.example", Proof.SPF),
        ([], "", "", Proof.NONE),
    ],
)
def test_the_strongest_proof_says_who(dkim: list[str], envelope_domain: str, domain: str, proof: Proof) -> None:
    checked = spf(envelope_domain) if envelope_domain else SpfResult()
    found = who(Proofs(spf=checked, dkim=signed(*dkim)))
    assert (found.domain, found.proof) == (domain, proof)


def test_all_that_is_proven_is_kept_and_grouped_by_organisation() -> None:
    found = who(Proofs(spf=spf("b.shop.co.uk"), dkim=signed("news.shop.co.uk", "sendgrid.net")))
    assert found.domains == ("news.shop.co.uk", "sendgrid.net", "b.shop.co.uk")
    assert (found.organisation, found.shared) == ("shop.co.uk", False)


def test_the_from_that_nothing_proves_is_only_a_claim() -> None:
    found = who(Proofs(spf=SpfResult(Result.FAIL, "shop.example")), sender="ceo@SHOP.example")
    assert found == Identity(claim="shop.example")


@pytest.mark.parametrize("result", [r for r in Result if r is not PASSED])
def test_a_signature_that_did_not_pass_proves_nothing(result: Result) -> None:
    failed = tuple(replace(key, result=result) for key in signed("shop.example", "mcsv.net"))
    assert who(Proofs(dkim=failed)) == Identity(claim="shop.example")


@pytest.mark.parametrize("platform", ["gmail.com", "acme.onmicrosoft.com", "sendgrid.net", "x.firebaseapp.com"])
def test_a_platform_proves_itself_and_never_one_of_its_users(platform: str) -> None:
    found = who(Proofs(dkim=signed(platform)), sender=f"vendor@{platform}")
    assert (found.proof, found.shared) == (Proof.DKIM_ALIGNED, True)


def test_tenants_of_one_platform_are_different_organisations() -> None:
    one, two = (who(Proofs(dkim=signed(f"{name}.onmicrosoft.com"))) for name in ("one", "two"))
    assert one.organisation != two.organisation
    assert (one.account, two.account) == ("one", "two")


def test_a_header_put_above_a_replayed_mail_is_not_covered_by_the_signature() -> None:
    written = signature("mailchimpapp.net", "k2", "From:X-MC-User")
    headers = (("X-MC-User", "bad0bad0"), written, ("X-MC-User", "900d900d"))
    assert who(Proofs(dkim=signed("mailchimpapp.net/k2")), *headers).account == "900d900d"


def test_a_header_that_the_signature_does_not_cover_names_no_account() -> None:
    headers = (signature("mailchimpapp.net", "k2", "From:Subject"), ("X-MC-User", "bad0bad0"))
    found = who(Proofs(dkim=signed("mailchimpapp.net/k2")), *headers)
    assert (found.esp, found.account) == ("mailchimp", None)


def test_a_signature_written_beside_the_verified_one_adds_no_cover() -> None:
    forged = signature("mailchimpapp.net", "k2", "From:X-MC-User")
    headers = (forged, signature("mailchimpapp.net", "k2", "From:Subject"), ("X-MC-User", "bad0bad0"))
    assert who(Proofs(dkim=signed("mailchimpapp.net/k2")), *headers).account is None


def test_a_verified_signature_hidden_behind_many_copies_covers_nothing() -> None:
    forged = [signature("mailchimpapp.net", "k2", "From:X-MC-User")] * 10
    headers = (*forged, signature("mailchimpapp.net", "k2", "From:Subject"), ("X-MC-User", "bad0bad0"))
    assert who(Proofs(dkim=signed("mailchimpapp.net/k2")), *headers).account is None


def test_a_tenant_that_uses_the_name_of_another_in_the_envelope_gets_no_account() -> None:
    found = who(Proofs(spf=spf("vendor.onmicrosoft.com")), path="a@vendor.onmicrosoft.com")
    assert (found.esp, found.account, found.shared) == ("microsoft-365", None, True)


def test_a_header_covered_by_the_customers_own_signature_names_no_account() -> None:
    headers = (signature("evil.example", "s1", "From:X-MC-User"), ("X-MC-User", "bad0bad0"))
    found = who(Proofs(dkim=signed("mailchimpapp.net/k2", "evil.example/s1")), *headers)
    assert (found.esp, found.account) == ("mailchimp", None)


def test_headers_that_contradict_each_other_name_no_account() -> None:
    headers = (("X-MC-User", "bad0bad0"), ("X-MC-User", "900d900d"))
    found = who(Proofs(spf=spf("mail1.mcsv.net")), *headers)
    assert (found.esp, found.account) == ("mailchimp", None)


@pytest.mark.parametrize(
    ("proofs", "path"),
    [
        (Proofs(dkim=signed("sendgrid.net/smtpapi")), "bounces+123-ab-x=y.example@sendgrid.net"),
        (Proofs(spf=spf("sendgrid.net")), "bounces+123-ab-x=y.example@vendor.example"),
        (Proofs(spf=spf("sendgrid.net", "helo")), "bounces+123-ab-x=y.example@sendgrid.net"),
        (Proofs(spf=spf("sendgrid.net")), "bounces+abc-ab-x=y.example@sendgrid.net"),
        (Proofs(spf=spf("sendgrid.net")), ""),
    ],
)
def test_a_reverse_path_that_spf_does_not_prove_names_no_account(proofs: Proofs, path: str) -> None:
    found = who(proofs, path=path)
    assert (found.esp, found.account) == ("sendgrid", None)


def test_a_selector_counts_only_in_a_mail_the_supplier_brought() -> None:
    keys = signed("bf10.hubspotemail.net/hs1", "evil.example/hs1-4100200")
    assert who(Proofs(dkim=keys)).account is None
    assert who(Proofs(dkim=keys, spf=spf("bf10.hubspotemail.net"))).account == "4100200"


def test_a_supplier_that_rides_on_another_is_meant_before_it() -> None:
    found = who(Proofs(dkim=signed("sendgrid.net", "klaviyomail.com"), spf=spf("sendgrid.net")))
    assert found.esp == "klaviyo"


def test_the_account_that_a_supplier_holds_at_another_proves_it() -> None:
    path = "bounces+866407-b8b0-x=y.example@sendgrid.net"
    found = who(Proofs(spf=spf("sendgrid.net")), path=path)
    assert (found.esp, found.account) == ("customerio", None)


@pytest.mark.parametrize(
    ("headers", "account"),
    [
        ((), "555"),
        ((("X-Kmail-Account", "AbC123"),), "555.AbC123"),
        ((("X-Kmail-Account", "AbC123"), ("X-Kmail-Account", "XyZ789")), None),
        ((("List-Unsubscribe", "<https://manage.kmail-lists.com/u?a=AbC123>"),), None),
    ],
)
def test_customers_behind_an_unknown_account_of_a_riding_supplier_are_kept_apart(
    headers: tuple[tuple[str, str], ...], account: str | None
) -> None:
    found = who(Proofs(spf=spf("sendgrid.net")), *headers, path="bounces+555-ab-x=y.example@sendgrid.net")
    assert (found.esp, found.account) == ("sendgrid", account)


def test_the_reverse_path_that_the_suppliers_own_machine_brought_needs_no_spf() -> None:
    found = identify(mail(), Proofs(), envelope("bounces+123-ab-x=y.example@em1.shop.example", "149.72.1.2"), book())
    assert (found.esp, found.account, found.proven) == ("sendgrid", "123", False)


@pytest.mark.parametrize(("ip", "host"), [("149.72.1.2", ""), ("192.0.2.25", "x.outbound-mail.sendgrid.net")])
def test_a_machine_of_the_supplier_is_proof_of_it(ip: str, host: str) -> None:
    path = "bounces+123-ab-x=y.example@em1.shop.example"
    proofs = Proofs(spf=spf("em1.shop.example"))
    found = identify(mail(), proofs, envelope(path, ip), book(), host)
    assert (found.esp, found.account, found.domain) == ("sendgrid", "123", "em1.shop.example")


@pytest.mark.parametrize("ip", ["", "nonsense", "::ffff", "fe80::1%eth0", "999.1.1.1"])
def test_an_address_that_is_none_names_no_supplier(ip: str) -> None:
    assert identify(mail(), Proofs(), envelope("", ip), book()).esp is None


@pytest.mark.parametrize("domain", ["", ".", "..", "a..b", "x" * 300, "ä" * 80, "co.uk", "[192.0.2.1]", "\0"])
def test_a_hostile_domain_is_no_fault(domain: str) -> None:
    found = who(Proofs(dkim=signed(domain), spf=spf(domain)), sender=f"a@{domain}")
    assert found.proof in Proof


def test_a_hostile_mail_is_identified_in_little_time() -> None:
    long = ("a=1;h=" + "x-mc-user:" * 1500)[:16_000]
    headers = [("DKIM-Signature", f"d=mcsv.net; s=k1; {long}")] * 200
    headers += [("X-MC-User", "a" * 16_000), ("Feedback-ID", ":" * 16_000), ("List-Unsubscribe", "<a." * 5_000)]
    hostile, suppliers = mail("a@b.example", *headers), book()
    proofs, found = Proofs(dkim=signed(*["mcsv.net/k1"] * 50)), []

    def work() -> None:
        found.append(identify(hostile, proofs, envelope(), suppliers))
        claimed_suppliers(hostile, suppliers)

    assert cpu_seconds(work) < 0.1
    assert found[0].esp == "mailchimp"

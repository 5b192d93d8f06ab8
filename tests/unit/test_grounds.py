"""What one mail lets its owner decide about."""

from pathlib import Path

import pytest

from canary.judge.grounds import Ground, decidable, family_problem, grounds_of, why_undecidable
from canary.judge_settings import JudgeSettings
from canary.model.identity import Identity, Proof
from canary.model.party import Vendor
from canary.processes.stores import platform_domains

SHOP = Vendor("shop", "Shop", ("shop.example",))
ALIGNED = Proof.DKIM_ALIGNED


def shared(domain: str) -> bool:
    return domain in ("postling.example", "gmail.com")


@pytest.mark.parametrize(
    ("who", "found"),
    [
        (Identity("till.example", "mail.till.example", proof=ALIGNED, domains=("mail.till.example",)), {"till.example": Ground.DOMAIN}),
        (
            Identity("till.example", "till.example", proof=ALIGNED, esp="sendgrid", account="7", domains=("till.example",)),
            {"till.example": Ground.DOMAIN, "sendgrid/7": Ground.ACCOUNT},
        ),
        (
            Identity("till.example", "sendgrid.net", proof=Proof.SPF, esp="sendgrid", account="7", shared=True, domains=("sendgrid.net",)),
            {"sendgrid/7": Ground.ACCOUNT, "till.example": Ground.CLAIM},
        ),
        (
            Identity("till.example", "postling.example", proof=Proof.DKIM, shared=True, domains=("postling.example",)),
            {"till.example via postling.example": Ground.PLATFORM},
        ),
        (
            Identity("till.example", "agency.example", proof=Proof.DKIM, domains=("agency.example",)),
            {"agency.example": Ground.DOMAIN, "till.example": Ground.CLAIM},
        ),
        (Identity("gmail.com", "gmail.com", proof=ALIGNED, esp="google", shared=True, domains=("gmail.com",)), {}),
        (Identity("news.till.example"), {"till.example": Ground.CLAIM}),
        (Identity("postling.example"), {}),
        (Identity("gmail.com"), {}),
        (Identity(), {}),
    ],
)  # fmt: skip
def test_an_owner_decides_about_what_a_mail_proves_or_only_claims_and_never_about_a_platform(
    who: Identity, found: dict[str, Ground]
) -> None:
    assert list(grounds_of(who, shared).items()) == list(found.items())


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (Identity("shop.example"), "which is Shop's already; nothing proves that it comes from there"),
        (Identity("gmail.com"), "Anybody can have an address at gmail.com"),
        (Identity("postling.example"), "postling.example is a platform that many senders share"),
        (Identity(), "It proves and claims no sender"),
    ],
)
def test_where_there_is_nothing_to_decide_it_is_said_why(who: Identity, why: str) -> None:
    assert (decidable(who, SHOP, shared), why in why_undecidable(who, SHOP)) == ({}, True)


def test_an_installation_knows_the_domains_of_platforms() -> None:
    is_platform = platform_domains(JudgeSettings())
    assert [is_platform(domain) for domain in ("sendgrid.net", "shop-mail.example")] == [True, False]


def test_an_installation_knows_the_platforms_of_its_own_files(tmp_path: Path) -> None:
    own = tmp_path / "suppliers.toml"
    own.write_text('[[shared]]\nname = "Posting"\nsource = ["the owner"]\ndomains = ["posting.example"]\n')
    is_platform = platform_domains(JudgeSettings(suppliers=(own,)))
    assert [is_platform(domain) for domain in ("mx.posting.example", "sendgrid.net")] == [True, True]


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("shop-mail.example", ""),
        ("nope", "not a domain"),
        ("gmail.com", "many senders share"),
        ("web.de", "many senders share"),
        ("postling.example", "many senders share"),
    ],
)
def test_a_family_has_domains_of_its_own_only(domain: str, problem: str) -> None:
    said = family_problem(domain, shared)
    assert (problem in said, bool(said)) == (True, bool(problem))

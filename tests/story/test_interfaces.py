"""The commands that scripts and other programs build on: their names, their flags, and the form of what they print."""

import json
import mailbox
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.main import get_command

from canary import __version__
from canary.cli import app
from canary.store.counters import CountedHit, count
from canary.store.tables import HitRow
from tests.commands import CommandLine, installation
from tests.conftest import START
from tests.processes import ROOT, House

AT_EVERY_LEAK = {"CANARY_JUDGE__CASE_AT": "0"}
"""Every leak hit makes a case, however likely a leak is."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
MAIL = ROOT / "tests/cases/verdicts/04-impersonation-policy"
WORLD = ROOT / "tests/cases/worlds/play/world.json"

FLAGS = {
    "demo": {"--no-serve"},
    "init": {"--domain"},
    "doctor": {"--json", "--quick"},
    "up": set(), "smtp": set(), "worker": set(), "web": set(),
    "vendor add": {"--domain", "--supplier"}, "vendor list": {"--json"}, "vendor show": {"--json"}, "vendor import": set(),
    "vendor rename": {"--json"}, "vendor merge": {"--yes", "--json"}, "vendor remove": {"--yes", "--json"},
    "issue": {"--channel", "--style", "--count", "--format"},
    "rotate": set(), "burn": set(), "canaries": {"--json"}, "published": {"--no", "--as-vendor", "--json"},
    "import": {"--adopt", "--trust-authserv", "--vendor-map", "--json", "--progress"},
    "judge": {
        "--vendor-domain", "--mail-from", "--client-ip", "--helo", "--zone", "--offline", "--trust-authserv", "--json",
    },
    "attribute": {"--json"},
    "cases": {"--json"}, "case list": {"--json"}, "case show": {"--json"}, "case export": set(),
    "case state": set(), "case assign": set(), "case note": set(), "case statement": set(), "case merge": set(),
    "case split": set(), "case undo": set(), "case rotate": set(), "case letter": set(),
    "hits": {"--json", "--vendor", "--since"},
    "sender list": {"--json"}, "sender approve": set(), "sender deny": set(), "sender undo": set(),
    "recount": set(), "decoys": {"--json"}, "plan": {"--json"},
    "alert test": set(), "alert list": {"--json"}, "alert retry": set(),
    "simulate": {"--json"}, "user add": set(),
}  # fmt: skip
"""Each command with the flags that others rely on."""


@pytest.mark.parametrize("path", FLAGS)
def test_a_command_keeps_its_name_and_its_flags(path: str) -> None:
    command: Any = get_command(app)
    for word in path.split():
        command = command.get_command(None, word)
    assert FLAGS[path] <= {flag for parameter in command.params for flag in parameter.opts}


def keys(document: Any) -> Any:
    """Reduce a document to its form: the names in it, of a list those of its first part."""
    if isinstance(document, dict):
        return {name: keys(value) for name, value in document.items() if isinstance(value, dict | list)} | {
            name: "" for name, value in document.items() if not isinstance(value, dict | list)
        }
    return [keys(part) for part in document[:1]] if isinstance(document, list) else ""


def form(names: str, **nested: Any) -> dict[str, Any]:
    """Return the form of a document with these names, some of which hold a form of their own."""
    return dict.fromkeys(names.split(), "") | nested


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """An installation whose one vendor, or its supplier, leaked: two mails of an outsider were imported."""
    with installation(tmp_path_factory.mktemp("installation"), AT_EVERY_LEAK) as command:
        command("vendor", "add", "Play", "--domain", "play.example", "--supplier", "Silver:newsletter")
        [canary] = command("issue", "play", "--channel", "newsletter", "--format", "json").document
        box = mailbox.mbox(command.folder / "stored.mbox")
        for number in (1, 2):
            box.add(
                mail(canary["address"], "Bets <win@bets.example>", f"Win {number}", "Place your bets today.", number)
            )
        box.flush()
        box.close()
        command("import", "stored.mbox", "--offline", "--json")
        yield command


def mail(to: str, sender: str, subject: str, text: str, hours: int = 0) -> EmailMessage:
    """A mail that our border took from 198.51.100.7, so many hours after the tests start."""
    message, domain = EmailMessage(), sender.rpartition("@")[2].rstrip(">")
    at = format_datetime(START + timedelta(hours=hours))
    message["Return-Path"] = f"<b@{domain}>"
    message["Received"] = f"from mx.{domain} (mx.{domain} [198.51.100.7]) by mail.in.example; {at}"
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"], message["Message-ID"] = at, f"<{subject.replace(' ', '-')}@{domain}>"
    message.set_content(text)
    return message


def test_vendors_are_added_listed_and_shown(command: CommandLine, tmp_path: Path) -> None:
    added = command("vendor", "add", "Bike Parts", "--domain", "bikeparts.example", "--json")
    assert added.document == {"slug": "bike-parts", "name": "Bike Parts", "domains": ["bikeparts.example"]}
    listed = command("vendor", "list", "--json").document
    assert keys(listed) == [form("slug name canaries", domains=[""])]
    supplier = form("id channel from to account through origin")
    assert keys(command("vendor", "show", "play", "--json").document) == form(
        "slug name contract_ends erasure_requested unsubscribed grace_days publishes",
        domains=[""], brands=[], tags=[], suppliers=[supplier], canaries=[""], events=[],
    )  # fmt: skip
    file = tmp_path / "vendors.toml"
    file.write_text('[[vendor]]\nname = "Bike Parts"\n')
    assert command("vendor", "import", str(file), "--json").document == [{"slug": "bike-parts", "new": False}]


def test_addresses_are_issued_rotated_burned_and_listed(command: CommandLine) -> None:
    row = form(
        "address vendor channel generation style bits state issued undated given_name family_name phone company "
        "street town postcode country birthday published published_set tentative hidden"
    )
    issued = command("issue", "play", "--channel", "order", "--style", "plausible", "--count", "2", "--format", "json")
    assert (keys(issued.document), len(issued.document)) == ([row], 2)
    address = issued.document[0]["address"]
    [rotated] = command("rotate", address, "--json").document
    assert (rotated["vendor"], rotated["channel"], rotated["generation"]) == ("play", "order", 2)
    assert command("burn", address, "--json").document[0]["state"] == "burned"
    listed = command("canaries", "--json").document
    assert (keys(listed), {address, rotated["address"]} <= {row["address"] for row in listed}) == ([row], True)
    lines = command("issue", "play", "--format", "csv").out.splitlines()
    assert (lines[0].split(","), len(lines)) == (list(row), 2)


def test_an_import_reports_what_it_read_adopted_and_opened(tmp_path: Path) -> None:
    with installation(tmp_path, AT_EVERY_LEAK) as command:
        command("vendor", "add", "Play", "--domain", "play.example")
        [canary] = command("issue", "play", "--format", "json").document
        for name, to in (("leak", canary["address"]), ("tagged", "me+shop@in.example")):
            file = tmp_path / f"{name}.eml"
            file.write_bytes(bytes(mail(to, "Shop <news@shop.example>", "Win", "Place your bets today.")))
        said = command("import", "leak.eml", "tagged.eml", "--adopt", "in.example", "--offline", "--yes", "--json")
    assert set(said.document) == {
        "read", "new", "known", "copies", "elsewhere", "unissued", "aside", "verdicts", "cases", "faults", "adopted",
        "left", "map_faults", "foreign", "unplaced", "summary",
    }  # fmt: skip
    [case], [adopted] = said.document["cases"], said.document["adopted"]
    assert set(case) == {"id", "vendors", "hits", "first", "suspect", "p"}
    assert (case["id"], case["vendors"], case["hits"], adopted["address"]) == (1, ["Play"], 1, "me+shop@in.example")


def test_a_mail_is_judged_with_reasons_identity_and_proofs(command: CommandLine) -> None:
    where = ("--zone", str(MAIL / "zone.json"), "--mail-from", "x@nowhere.example", "--client-ip", "203.0.113.5")
    said = command(
        "judge", str(MAIL / "mail.eml"), "--vendor-domain", "shop.example", *where, "--helo", "bad.example", "--json"
    )
    assert keys(said.document) == form(
        "verdict confidence",
        reasons=[form("code text")],
        identity=form("domain proof esp account"),
        auth=form("spf dmarc arc", dkim=[]),
    )
    assert said.document["verdict"] == "impersonation"


def test_a_world_is_attributed_and_a_file_of_worlds_line_by_line(command: CommandLine, tmp_path: Path) -> None:
    found = command("attribute", str(WORLD), "--json").document
    case = found["cases"][0]
    assert set(case) >= {"canaries", "campaigns", "suspects", "hypotheses", "indistinguishable", "window"}
    assert set(case["suspects"][0]) >= {"kind", "id", "p", "bayes_factor"}
    assert set(case["window"]) >= {"earliest", "latest", "from_90", "to_90"}
    assert sum(h["p"] for h in case["hypotheses"]) == pytest.approx(1)
    assert [] in [h["sources"] for h in case["hypotheses"]]
    assert all(set(source) >= {"kind", "id"} for h in case["hypotheses"] for source in h["sources"])
    worlds = tmp_path / "worlds.jsonl"
    worlds.write_text(2 * (json.dumps(json.loads(WORLD.read_text())) + "\n"))
    assert [json.loads(line) for line in command("attribute", str(worlds)).out.splitlines()] == [found, found]


def test_cases_are_listed_and_shown(command: CommandLine) -> None:
    listed = command("cases", "--json").document
    assert set(listed[0]) == {
        "id", "state", "outcome", "owner", "merged_into", "opened", "last_hit", "hits", "suspects", "summary", "leak",
    }  # fmt: skip
    assert (command("case", "list", "--json").document, listed[0]["hits"]) == (listed, 2)
    shown = command("case", "show", "1", "--json").document
    assert set(shown) >= {
        "id", "state", "outcome", "owner", "opened", "last_hit", "merged_into", "aware_at", "notify_until", "suspects",
        "window", "fields", "evidence", "statements", "checklist", "moves", "merge_proposed", "timeline",
    }  # fmt: skip
    assert set(shown["suspects"][0]) >= {"kind", "id", "name", "p", "hit", "held"}
    assert set(command("case", "export", "1").document) == {*shown, "hits"}


def test_hits_are_a_line_each(command: CommandLine) -> None:
    lines = [json.loads(line) for line in command("hits", "--json", "--vendor", "play").out.splitlines()]
    assert {frozenset(line) for line in lines} == {
        frozenset("address vendor at verdict confidence reasons relation sender subject message_id sha256".split())
    }
    assert [(hit["vendor"], hit["verdict"], hit["sender"], hit["subject"], hit["relation"]) for hit in lines] == [
        ("play", "spam", "win@bets.example", "Win 2", None), ("play", "spam", "win@bets.example", "Win 1", None),
    ]  # fmt: skip
    assert all(keys(hit["reasons"]) == [form("code text")] for hit in lines)
    assert (lines[0]["message_id"], len(lines[0]["sha256"])) == ("<Win-2@bets.example>", 64)


@pytest.mark.parametrize(("since", "hits"), [("2020-01-01", 2), ("2020-01-01T00:00:00Z", 2), ("2999-01-01", 0)])
def test_hits_since_a_day_or_a_time_are_listed(command: CommandLine, since: str, hits: int) -> None:
    assert len(command("hits", "--json", "--since", since).out.splitlines()) == hits


def test_the_newest_hits_are_a_table_for_people(command: CommandLine) -> None:
    head, *rows = command("hits", "--limit", "1").out.splitlines()
    assert (head.split(), len(rows)) == (["when", "vendor", "address", "verdict", "sure", "sender", "subject"], 1)


def test_counts_that_went_wrong_are_put_right(command: CommandLine) -> None:
    with command.store.writing() as session:
        hit = session.exec(select(HitRow.canary_id)).first()
        assert hit is not None
        count(session, [CountedHit(hit, START, "spam")])
    assert command("recount", "--json").document == {"hits": 2}
    assert command("recount").out == "2 hits counted\n"


def test_senders_are_listed_and_decided(tmp_path: Path) -> None:
    with installation(tmp_path, AT_EVERY_LEAK) as command:
        proof = {"tillroll.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]}}
        (tmp_path / "zone.json").write_text(json.dumps(proof))
        command("vendor", "add", "Trendy Shoes", "--domain", "shoes.example")
        [canary] = command("issue", "trendy-shoes", "--format", "json").document
        receipt = mail(canary["address"], "Tillroll <r@tillroll.example>", "Receipt", "You paid 41.90 to Trendy Shoes.")
        (tmp_path / "receipt.eml").write_bytes(bytes(receipt))
        command("import", "receipt.eml", "--json")
        [asked] = command("sender", "list", "--json").document
        denied = command("sender", "deny", "trendy-shoes", "tillroll.example", "--json").document
        approved = command("sender", "approve", "trendy-shoes", "tillroll.example", "--json").document
        listed = command("sender", "list", "--state", "learned", "--json").document
    assert (asked["vendor"], asked["sender"], asked["state"]) == ("trendy-shoes", "tillroll.example", "pending")
    names = "vendor sender state looked changed opened closed freed burned waiting dry_run"
    assert set(denied) == set(approved) == set(names.split())
    assert (denied["state"], denied["opened"], approved["state"], approved["closed"]) == ("denied", [1], "learned", [1])
    assert [row["sender"] for row in listed] == ["tillroll.example"]


def test_decoys_plan_and_alerts_have_their_forms(command: CommandLine) -> None:
    decoys = command("decoys", "--json").document
    assert keys(decoys) == form("made key", domains=[form("domain issued random guessable", hit=[])])
    assert set(command("plan", "--json").document) >= {
        "coverage",
        "indistinguishable",
        "under_instrumented",
        "proposals",
    }
    assert command("alert", "list", "--json").document == []
    assert command("alert", "retry", "--json").document == {"again": 0}
    assert command("alert", "muted", "--json").document == []
    assert command("alert", "test", "--json").code == 2


def test_a_doctor_gives_a_line_a_check_and_ends_with_1_on_a_finding(command: CommandLine) -> None:
    said = command("doctor", "--json")
    assert (keys(json.loads(said.out)), said.code) == ([form("check fine text")], 1)


def test_figures_of_simulated_worlds_have_their_form(command: CommandLine) -> None:
    found = command("simulate", "--worlds", "1", "--jobs", "1", "--method", "vote", "--json").document
    assert (found["seed"], found["worlds"], set(found["mixes"]["standard"])) == (1, 1, {"methods", "promises"})


def test_a_user_is_added_and_listed(command: CommandLine) -> None:
    assert command("user", "add", "Ada", "--role", "admin").out.startswith("Ada (admin), password: ")
    assert keys(command("user", "list", "--json").document) == [form("name role since last sessions")]


def test_the_version_is_that_of_the_package(command: CommandLine) -> None:
    assert (command("--version").out, command("--version").code) == (f"canary {__version__}\n", 0)


@pytest.mark.parametrize(
    ("role", "ready"), [("smtp", "smtp listening on"), ("worker", "worker ready"), ("web", "web listening on")]
)
def test_each_role_runs_by_itself(role: str, ready: str, tmp_path: Path) -> None:
    with House(tmp_path).open() as house, house.running(role, until=(ready,)) as running:
        assert running.process.poll() is None


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), 2, "Usage: canary"),
        (("juggle",), 2, "No such command 'juggle'."),
        (("vender",), 2, "Did you mean 'vendor'"),
        (("issue",), 2, "Missing argument"),
        (("issue", "play", "--style", "plain"), 2, "--style"),
        (("issue", "play", "--count", "many"), 2, "--count"),
        (("hits", "--vendor", "nobody"), 1, "'nobody'"),
        (("hits", "--since", "soon"), 2, "--since 'soon'"),
        (("case", "show", "99"), 1, "case 99: there is none"),
        (("vendor", "import", "missing.toml"), 2, "missing.toml"),
        (("letter", "set", "vendor", "en", "missing.txt"), 1, "missing.txt: No such file or directory"),
    ],
)  # fmt: skip
def test_wrong_use_is_reported_on_standard_error(
    command: CommandLine, arguments: tuple[str, ...], code: int, line: str
) -> None:
    said = command(*arguments)
    assert (said.code, said.out, line in said.err) == (code, "", True)
    assert not arguments or len(said.err.splitlines()) == 1

"""Cases given on to other systems: what they read holds by their own rules, and burns no address."""

import hashlib
import html
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import stix2
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from pymisp import MISPEvent, MISPObject
from sqlalchemy import update
from sqlmodel import Session, col

from canary.cases.letter_text import LANGUAGES
from canary.cases.sharing.facts import SharedCase, shared_case
from canary.cases.sharing.forms import WRITERS, ShareForm
from canary.evidence.pack_file import read_pack
from canary.store.counters import recount
from canary.store.database import Database
from canary.store.log_key import CARRIED_AS, LogKey, LogKeyError
from canary.store.tables import CanaryRow, HitRow, MailRow
from tests.website import EVIL, NOW, Site, serve

HIT, QUIET = "tea-7f3kq9@example.net", "tea-x2m4wd@example.net"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A case of hostile mail to two addresses, one with a telling local part, and a third that nobody hit."""
    folder = tmp_path_factory.mktemp("sharing")
    with serve(folder) as site:
        site.database._info[CARRIED_AS] = LogKey(folder / "log.key")
        with site.database.writing() as session:
            _add(session)
        yield site


def _add(session: Session) -> None:
    for number, address in ((12, HIT), (13, QUIET)):
        session.add(CanaryRow(id=number, address=address, domain="example.net", vendor_id=1, style="tagged", bits=65, issued_at=NOW))  # fmt: skip
    session.flush()
    texts = (
        ("Sale", "boss@bad.example", "bounce@bad.example"),
        (f"Hello {HIT}", "Boss@bad.example", f"bounce+{HIT.replace('@', '=')}@bad.example"),
        ("Hello tea-7f3kq9", HIT, f"b-{QUIET.replace('@', '=')}@bad.example"),
    )
    for at, (subject, sender, envelope_sender) in enumerate(texts, 12):
        client = {"ip": "2001:db8::1", "port": 1, "helo": "mx.bad.example", "tls": None}
        envelope = {"mail_from": envelope_sender, "rcpt_to": [HIT], "client": client, "received": NOW.isoformat()}
        session.add(
            MailRow(
                id=at, key=f"m{at}", sha256=f"{at % 10}" * 64, size=9, received_at=NOW, subject=subject, sender=sender, sender_name="x|y=z\\\n",
                message_id=f"<{at}@bad.example>", envelope=envelope, identity={"claim": "", "proof": "none", "domain": ""},
                proofs={"dkim": [{"result": "pass", "domain": "bad.example"}]}, parts={},
            )
        )  # fmt: skip
        session.flush()
        session.add(HitRow(mail_id=at, canary_id=12, at=NOW, verdict="spam", confidence=0.9, case_id=1, reasons=[]))
    recount(session)


@pytest.fixture
def viewer(site: Site) -> Iterator[httpx.Client]:
    with site.logged_in("viewer") as client:
        yield client


def facts(database: Database, *, plain: bool = False) -> SharedCase:
    with database.reading() as session:
        return shared_case(session, 1, plain=plain)


def written(site: Site, form: ShareForm, *, plain: bool = False) -> Any:
    text = WRITERS[form].write(facts(site.database, plain=plain))
    return text if form is ShareForm.CEF else json.loads(text)


plain_or_not = pytest.mark.parametrize("plain", [False, True], ids=["hashed", "allowed"])


@pytest.mark.parametrize("form", ShareForm)
def test_no_address_is_in_what_is_given_on_by_whatever_way_a_mail_names_it(
    site: Site, viewer: httpx.Client, form: ShareForm
) -> None:
    answer = viewer.get(f"/cases/1/export?format={form}")
    assert answer.status_code == 200
    low = answer.text.lower()
    assert not [told for told in ("tea-7f3kq9", "tea-x2m4wd", "a@example.net", "=example.net") if told in low]
    assert low.count("@hashed.invalid") >= 4
    assert "boss@bad.example" in low


@pytest.mark.parametrize("form", ShareForm)
def test_addresses_in_question_are_given_on_where_that_is_allowed_and_never_another(
    viewer: httpx.Client, form: ShareForm
) -> None:
    low = viewer.get(f"/cases/1/export?format={form}&addresses=true").text.lower()
    assert (HIT in low, "tea-x2m4wd" in low, "hashed.invalid" in low) == (True, False, False)


def test_an_address_is_hashed_in_the_same_way_each_time_and_in_another_by_another_key(
    site: Site, tmp_path: Path
) -> None:
    ours = [each.address for each in facts(site.database).addresses]
    assert ours == [each.address for each in facts(site.database).addresses]
    kept = site.database._info[CARRIED_AS]
    try:
        site.database._info[CARRIED_AS] = LogKey(tmp_path / "other.key")
        assert not set(ours) & {each.address for each in facts(site.database).addresses}
    finally:
        site.database._info[CARRIED_AS] = kept


def test_without_a_key_nothing_is_hashed_and_nothing_given_on(site: Site, viewer: httpx.Client) -> None:
    kept = site.database._info.pop(CARRIED_AS)
    try:
        with pytest.raises(LogKeyError, match="hashed with the key of the log"):
            facts(site.database)
        assert viewer.get("/cases/1/export?format=stix").status_code == 409
    finally:
        site.database._info[CARRIED_AS] = kept


def test_the_newest_evidence_pack_is_cited_in_every_form_and_in_letters(site: Site, viewer: httpx.Client) -> None:
    with site.logged_in("analyst") as analyst:
        analyst.post("/cases/1/note", data={"note": "It goes into the log."})
    pack = viewer.get("/cases/1/export?format=pack")
    assert pack.status_code == 200
    digest = hashlib.sha256(pack.content).hexdigest()
    size, root = json.loads(read_pack(pack.content)["evidence.json"])["log"]["checkpoint"].splitlines()[1:3]
    for form in ShareForm:
        assert digest in viewer.get(f"/cases/1/export?format={form}").text
    for language in LANGUAGES:
        letter = html.unescape(viewer.get(f"/cases/1/letter?to=vendor:play&lang={language}").text)
        assert [told for told in (digest, root, f" {size} ") if told not in letter] == []


@plain_or_not
def test_the_bundle_holds_by_the_rules_of_stix(site: Site, plain: bool) -> None:
    bundle = stix2.parse(written(site, ShareForm.STIX, plain=plain), allow_custom=False)
    kinds = [each["type"] for each in bundle.objects]
    assert (kinds.count("incident"), kinds.count("observed-data"), kinds.count("email-message")) == (1, 4, 4)
    ids = {each["id"] for each in bundle.objects}
    assert len(ids) == len(kinds)
    refs = {ref for each in bundle.objects for ref in (*each.get("object_refs", ()), *each.get("to_refs", ()))}
    assert refs <= ids
    for each in bundle.objects:
        if each["type"] in ("email-addr", "ipv4-addr", "ipv6-addr"):
            made = {"email-addr": stix2.EmailAddress, "ipv4-addr": stix2.IPv4Address, "ipv6-addr": stix2.IPv6Address}
            assert each["id"] == made[each["type"]](value=each["value"])["id"]
        if each["type"] not in ("email-addr", "ipv4-addr", "ipv6-addr", "file", "email-message", "marking-definition"):
            assert each["object_marking_refs"] == [stix2.TLP_AMBER["id"]]


@plain_or_not
def test_the_event_holds_by_the_rules_and_the_templates_of_misp(site: Site, plain: bool) -> None:
    document = written(site, ShareForm.MISP, plain=plain)
    event = MISPEvent(strict_validation=True)
    event.load(deepcopy(document))
    assert (len(event.objects), [tag.name for tag in event.tags]) == (4, ["tlp:amber"])
    for given in document["Event"]["Object"]:
        checked = MISPObject("email", strict=True)
        assert (str(checked.template_uuid), checked.name) == (given["template_uuid"], given["name"])
        for each in given["Attribute"]:
            made = checked.add_attribute(each["object_relation"], each["value"])
            assert made
            assert (made.type, each["category"]) == (each["type"], made.category)
        assert checked.to_json()
    everything = [*event.attributes, *(each for thing in event.objects for each in thing.attributes)]
    assert not any(each.to_ids for each in everything)


@cache
def _ocsf(kind: int) -> dict[str, Any]:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.7.0"))
    found: dict[str, Any] = schema.get_class_schema(class_name=schema.lookup_class_name_from_uid(kind), profiles=[])
    return found


@plain_or_not
def test_every_event_holds_by_the_schema_of_ocsf(site: Site, plain: bool) -> None:
    events = written(site, ShareForm.OCSF, plain=plain)
    assert [each["class_uid"] for each in events] == [2004, 4009, 4009, 4009, 4009]
    for event in events:
        jsonschema.validate(event, _ocsf(event["class_uid"]))
    related = [each["uid"] for each in events[0]["finding_info"]["related_events"]]
    assert related == [each["metadata"]["uid"] for each in events[1:]]


def test_every_mail_and_the_case_are_a_line_of_cef_whatever_a_mail_says(site: Site) -> None:
    lines = written(site, ShareForm.CEF).splitlines()
    assert [line.split("|")[4] for line in lines] == ["case", *["case-mail"] * 4]
    assert all(line.startswith("CEF:0|Canary|Canary|") for line in lines)
    sale = next(line for line in lines if "msg=Sale" in line)
    assert "src=2001:db8::1 shost=mx.bad.example suser=boss@bad.example" in sale
    assert "cs6=spf\\=none dkim\\=pass dmarc\\=none" in sale


def test_the_api_and_the_command_give_the_same_as_the_page(
    site: Site, viewer: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from canary.cli import case

    monkeypatch.setattr(case, "open_store", lambda: site.database)
    for form in ShareForm:
        shown = viewer.get(f"/cases/1/export?format={form}")
        assert shown.headers["content-disposition"].startswith('attachment; filename="case-1.')
        assert viewer.get(f"/api/v1/cases/1/export?format={form}").text == shown.text
        with redirect_stdout(io.StringIO()) as printed:
            case.export_case(1, form.value)
        assert printed.getvalue() == shown.text


@pytest.mark.parametrize("text", [EVIL, "\x01\u202e", "a" * 10_000, "", '"@', "x@y.z\n@", "ü@bad.example"])
def test_whatever_a_mail_says_the_forms_stay_whole(site: Site, text: str) -> None:
    with site.database.reading() as session:
        row = session.get_one(MailRow, 12)
        kept = {"subject": row.subject, "sender": row.sender, "message_id": row.message_id}
    try:
        with site.database.writing() as session:
            session.execute(update(MailRow).where(col(MailRow.id) == 12).values(dict.fromkeys(kept, text)))
        stix2.parse(written(site, ShareForm.STIX), allow_custom=False)
        for event in written(site, ShareForm.OCSF):
            jsonschema.validate(event, _ocsf(event["class_uid"]))
        assert len(written(site, ShareForm.CEF).splitlines()) == 5
    finally:
        with site.database.writing() as session:
            session.execute(update(MailRow).where(col(MailRow.id) == 12).values(kept))

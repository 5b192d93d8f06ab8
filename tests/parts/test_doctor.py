"""What the doctor finds, check by check, and what helps."""

import json
import os
import shutil
import socket
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canary.processes.certificate import make_pem
from canary.processes.doctor import clients, dns, machine, parts
from canary.processes.doctor.examination import CHECKS, examine
from canary.processes.doctor.finding import CheckFailed, Examined, Note
from canary.processes.role_lock import holding_role
from canary.processes.stores import open_store, prepare_store
from canary.settings import Arranged
from canary.store.queries.audit import audit
from canary.store.queries.outbox import mark_failed, put_test
from canary.store.tables import MailRow
from tests.receiver import receiving
from tests.sink import Sink

NOW = datetime(2100, 3, 1, 12, tzinfo=UTC)
"""Later than this program was made, as the clock of a machine should be."""

HOST = "mail.in.example"
GOOD = {
    "in.example": {"MX": [[10, HOST]], "TXT": ["v=spf1 -all"]},
    HOST: {"A": ["127.0.0.1"]},
    "_dmarc.in.example": {"TXT": ["v=DMARC1; p=reject; np=reject"]},
    "canary-check._domainkey.in.example": {"TXT": ["v=DKIM1; p="]},
    "1.0.0.127.in-addr.arpa": {"PTR": [HOST]},
}


@dataclass
class Patient:
    """An installation to look at, with a zone file in place of DNS."""

    folder: Path
    settings: Arranged = field(init=False)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.settled()

    def settled(self, zone: object = GOOD, **more: object) -> None:
        (self.folder / "zone.json").write_text(json.dumps(zone))
        given = {"smtp": {"hostname": HOST, "spool_reserve": 0}, "dns": {"zone": self.folder / "zone.json"}, **more}
        self.settings = Arranged(data=self.folder / "data", domains=("in.example",), **given)  # type: ignore[arg-type]

    @property
    def examined(self) -> Examined:
        return Examined(self.settings, None, lambda: self.now)

    def mail_from(self, *addresses: str) -> None:
        with open_store(self.settings).writing() as session:
            for n, address in enumerate(addresses):
                session.add(MailRow(
                    key=str(n), sha256="0" * 64, size=1, received_at=NOW, envelope={"client": {"ip": address}},
                    identity={}, proofs={}, parts={},
                ))  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a store that is copied for each test."""
    folder = Patient(tmp_path_factory.mktemp("prepared"))
    store = open_store(folder.settings)
    prepare_store(folder.settings, store)
    store.close()
    return folder.settings.data


@pytest.fixture
def patient(prepared: Path, tmp_path: Path) -> Patient:
    shutil.copytree(prepared, tmp_path / "data")
    return Patient(tmp_path)


def failed(check: str, patient: Patient) -> str:
    """What a check says where it must not be fine."""
    with pytest.raises(CheckFailed) as fault:
        dict(CHECKS)[check](patient.examined)
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_every_check_gives_one_line_and_none_ends_the_others(patient: Patient) -> None:
    patient.settled(smtp={"port": 1, "hostname": HOST, "spool_reserve": 0}, web={"port": 1})
    found = list(examine(patient.examined))
    assert [each.check for each in found] == [name for name, _ in CHECKS]
    assert {each.check for each in found if not each.fine} == {"port-25", "listener", "worker", "dashboard"}
    assert [each for each in found if "\n" in each.text or not each.text] == []


def test_a_quick_look_asks_no_dns_and_sends_nothing(patient: Patient) -> None:
    names = {each.check for each in examine(patient.examined, quick=True)}
    assert {name for name, _ in CHECKS} - names == {"resolver", "records", "reverse", "port-25", "self-test"}


# DNS


def test_records_as_they_should_be_are_fine(patient: Patient) -> None:
    assert dns.records(patient.examined) == "5 records as they should be"
    assert dns.reverse(patient.examined) == f"127.0.0.1: {HOST}"


@pytest.mark.parametrize(
    ("name", "record", "line"),
    [
        (
            "in.example",
            {"MX": [[10, "mx.other.example"]]},
            "MX of in.example is 10 mx.other.example: set it to 10 mail",
        ),
        ("in.example", {}, "MX of in.example is missing: set it to 10 mail.in.example"),
        (HOST, {}, f"A of {HOST} is missing: set it with the address of this machine"),
    ],
)
def test_mail_that_goes_elsewhere_is_a_fault(patient: Patient, name: str, record: object, line: str) -> None:
    patient.settled({**GOOD, name: record})
    assert line in failed("records", patient)


def test_a_machine_with_an_address_of_ipv6_alone_can_be_reached(patient: Patient) -> None:
    patient.settled({**GOOD, HOST: {"AAAA": ["::1"]}})
    assert dns.records(patient.examined) == "5 records as they should be"


def test_a_record_that_only_protects_the_name_is_noted(patient: Patient) -> None:
    patient.settled({**GOOD, "_dmarc.in.example": {}})
    found = dns.records(patient.examined)
    assert (isinstance(found, Note), "set it to v=DMARC1" in found) == (True, True)


def test_no_dns_is_one_line_with_the_servers_that_were_asked(patient: Patient) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as mute:
        mute.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{mute.getsockname()[1]}"
        patient.settled(dns={"nameservers": [server], "timeout": 0.2})
        assert f"from {server}: no sender can be checked" in failed("resolver", patient)


def test_port_25_of_this_machine_at_which_nothing_listens_is_a_fault() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(CheckFailed, match="which is this machine: lead it to the listener"):
            dns.try_port("127.0.0.1", HOST, port)


def test_the_own_listener_is_recognised_from_inside_and_another_server_named(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        assert "leads to this listener" in dns.try_port("127.0.0.1", "mx.example.net", sink.place[1])
        with pytest.raises(CheckFailed, match="is another mail server's, which says '220 mx.example.net"):
            dns.try_port("127.0.0.1", HOST, sink.place[1])


def test_what_cannot_be_known_of_port_25_from_inside_is_said(patient: Patient) -> None:
    patient.settled({**GOOD, HOST: {}})
    found = dns.port_25(patient.examined)
    assert (isinstance(found, Note), "cannot be known from here" in found) == (True, True)
    patient.mail_from("203.0.113.9", "8.8.8.8")
    assert dns.port_25(patient.examined) == "mail came in from outside, last on 2100-03-01"


# Clients


def test_senders_behind_one_gateway_are_a_fault_with_its_address(patient: Patient) -> None:
    patient.mail_from(*["172.18.0.1"] * 3)
    assert "all of 3 mails came from 172.18.0.1" in failed("clients", patient)


@pytest.mark.parametrize(
    ("addresses", "line", "note"),
    [
        ([], "no mail from outside yet", True),
        (["127.0.0.1"] * 9, "no mail from outside yet", True),
        (["172.18.0.1"] * 2, "no mail from outside yet", True),
        (["10.0.0.1", "10.0.0.2", "10.0.0.3"], "from private addresses only", True),
        (["172.18.0.1", "8.8.8.8", "9.9.9.9"], "2 of the newest mails came from 2 addresses outside", False),
        (["nonsense", "", "8.8.8.8"], "1 of the newest mails came from 1 addresses outside", False),
    ],
)
def test_the_addresses_of_senders_are_looked_for(patient: Patient, addresses: list[str], line: str, note: bool) -> None:
    patient.mail_from(*addresses)
    found = clients.clients(patient.examined)
    assert (line in found, isinstance(found, Note)) == (True, note)


# The machine


def test_a_clock_behind_what_the_store_has_seen_is_a_fault(patient: Patient) -> None:
    with open_store(patient.settings).writing() as session:
        audit(session, NOW + timedelta(days=3), "ann", "login", "ann", "")
    assert "the store has entries of 2100-03-04 12:00: set it" in failed("clock", patient)


def test_a_clock_before_this_program_was_made_is_a_fault(patient: Patient) -> None:
    patient.now = datetime(1970, 1, 2, tzinfo=UTC)
    assert "this program was made on 20" in failed("clock", patient)


def test_too_little_space_is_a_fault(patient: Patient) -> None:
    patient.settled(smtp={"spool_reserve": 2**60})
    assert "less than smtp.spool_reserve: mail is refused" in failed("disk", patient)


@pytest.mark.parametrize(
    ("age", "line"), [(timedelta(days=390), "ends on 2100-03-08: renew"), (timedelta(days=500), "ended on 2099")]
)
def test_the_end_of_a_certificate_is_seen_before_it_comes(patient: Patient, age: timedelta, line: str) -> None:
    file = patient.folder / "mx.pem"
    file.write_bytes(make_pem(HOST, NOW - age))
    patient.settled(smtp={"hostname": HOST, "tls_certificate": file})
    assert line in failed("certificate", patient)
    file.write_text("nonsense")
    assert "is no certificate" in failed("certificate", patient)
    file.write_bytes(make_pem(HOST, NOW))
    assert machine.certificate(patient.examined) == "good until 2101-04-02"


# The parts


def test_a_worker_that_runs_is_known_by_the_role_it_holds(patient: Patient) -> None:
    assert "start `canary up` or `canary worker`" in failed("worker", patient)
    with holding_role(patient.settings.data, "worker"):
        assert parts.worker(patient.examined) == "runs, and no mail waits"


def test_alerts_that_did_not_arrive_are_a_fault_with_what_the_destination_said(patient: Patient) -> None:
    assert isinstance(parts.alerts(patient.examined), Note)
    ops = {"kind": "slack", "url": "https://hooks.slack.example/services/T0/B0/x"}
    patient.settled(alert={"destinations": {"ops": ops}})
    assert parts.alerts(patient.examined) == "ops"
    with open_store(patient.settings).writing() as session:
        mark_failed(session, put_test(session, "ops", NOW), "404 no_service", None)
    assert failed("alerts", patient) == (
        "ops: 1 did not arrive (404 no_service); correct the destination, then `canary alert retry`"
    )


def test_a_port_that_another_canary_has_is_said_with_its_folder(patient: Patient, tmp_path: Path) -> None:
    with holding_role(tmp_path / "other", "web"), closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        patient.settled(web={"port": port})
        line = f"port {port} is taken by another Canary, process {os.getpid()} with the data folder {tmp_path}/other"
        assert failed("dashboard", patient) == f"{line}: end that one, or set web.port"


def test_a_dashboard_that_is_another_program_is_not_taken_for_ours(patient: Patient) -> None:
    with receiving() as other:
        patient.settled(web={"port": int(other.url.rpartition(":")[2].partition("/")[0])})
        assert "is taken by" in failed("dashboard", patient)


def test_a_listener_of_ours_is_asked_in_its_protocol(patient: Patient, tmp_path: Path) -> None:
    with Sink(tmp_path) as sink, holding_role(patient.settings.data, "smtp"):
        patient.settled(smtp={"host": sink.place[0], "port": sink.place[1], "hostname": HOST})
        assert parts.listener(patient.examined) == f"answers on port {sink.place[1]} without STARTTLS"

"""Files of the owner's beside the shipped registries: found by the settings, merged, and faulty ones named in one line each."""

from pathlib import Path

import pytest

from canary.judge_settings import JudgeSettings
from canary.model.registry_rows import RegistryError
from canary.processes.faults import explain
from canary.processes.judging import check_registries, forwarder_registry, own_book

PLATFORM = """
[[platform]]
slug = "kiosk"
name = "Kiosk"
kind = "shop"
domains = ["kiosk.example"]
source = ["its manual"]
merchant = [{ in = "from-name", shape = '(.++)', until = [" via Kiosk"] }]
"""
SUPPLIER = """
[[supplier]]
slug = "mailjet"
name = "Our own Mailjet"
source = ["the contract"]
dkim = ["mailjet.example"]

[[shared]]
name = "our intranet"
source = ["the IT department"]
domains = ["intranet.example"]
"""
FORWARDER = """
[[forwarder]]
slug = "villa"
name = "Villa"
kind = "relay"
source = ["the server in the cellar"]
envelope = ["villa.example"]
"""


def judge(tmp_path: Path, **texts: str) -> JudgeSettings:
    files: dict[str, tuple[Path, ...]] = {}
    for key, text in texts.items():
        path = tmp_path / f"{key}.toml"
        path.write_text(text)
        files[key] = (path,)
    return JudgeSettings(**files)


def test_rows_of_the_owners_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    chosen = judge(tmp_path, platforms=PLATFORM, suppliers=SUPPLIER, forwarders=FORWARDER)
    book = own_book(chosen)
    assert book.services.of_domain("kiosk.example") is not None
    assert book.services.of_domain("dhl.de") is not None
    assert book.is_shared("intranet.example")
    assert forwarder_registry(chosen.forwarders).bouncer("villa.example") is not None


def test_a_row_with_the_slug_of_a_shipped_one_takes_its_place(tmp_path: Path) -> None:
    book = own_book(judge(tmp_path, suppliers=SUPPLIER))
    assert [provider.name for provider in book.providers if provider.slug == "mailjet"] == ["Our own Mailjet"]
    assert book.signer("mailjet.com") is None


def test_the_check_counts_what_each_registry_holds(tmp_path: Path) -> None:
    shipped, mine = check_registries(JudgeSettings()), check_registries(judge(tmp_path, forwarders=FORWARDER))
    count = int(shipped.rpartition(", ")[2].split()[0])
    assert mine.endswith(f", {count + 1} forwarders")
    assert mine.rpartition(", ")[0] == shipped.rpartition(", ")[0]


@pytest.mark.parametrize(
    ("key", "text", "fault"),
    [
        ("platforms", PLATFORM.replace('"shop"', '"bank"'), "platform kiosk: kind = 'bank': write one of shop"),
        (
            "suppliers",
            SUPPLIER.replace('"mailjet.example"', '"sendgrid.net"'),
            'dkim = "sendgrid.net": held by several',
        ),
        ("forwarders", FORWARDER.replace("villa.example", "*.villa"), '"*.villa" is not a domain'),
        ("forwarders", FORWARDER + PLATFORM, "platform: unknown table; write [[forwarder]]"),
        ("suppliers", "[[supplier", "name a TOML file that can be read"),
    ],
)
def test_a_fault_is_one_line_with_file_row_value_and_cure(tmp_path: Path, key: str, text: str, fault: str) -> None:
    with pytest.raises(RegistryError) as refused:
        check_registries(judge(tmp_path, **{key: text}))
    line, code = explain(refused.value)
    assert line.startswith(str(tmp_path / f"{key}.toml"))
    assert fault in line
    assert (line.count("\n"), code) == (0, 2)


def test_a_file_that_is_not_there_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(
        RegistryError, match=r"none\.toml: No such file or directory; name a TOML file that can be read"
    ):
        own_book(JudgeSettings(platforms=(tmp_path / "none.toml",)))


def test_the_faults_of_all_registries_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RegistryError) as refused:
        check_registries(judge(tmp_path, platforms="[[platform]]", forwarders="x = 1"))
    assert len(refused.value.faults) == 6

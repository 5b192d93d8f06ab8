"""Exports in the browser: a table to confirm first, what is typed stays, and no file is kept."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from canary.importing.fault_lines import said_once
from canary.store.queries import canaries
from canary.web.issue_forms import IssueSettings
from tests.exports import FORMS, SECRET, accounts, bitwarden
from tests.website import Site, serve

OWN = IssueSettings(("in.example",))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path, issuing=OWN) as site:
        yield site


def held(site: Site) -> set[str]:
    with site.database.reading() as session:
        return {canary.address for canary in canaries.list_canaries(session)}


def rows_of(page: str) -> str:
    return unescape(page.partition('<textarea id="rows"')[2].partition(">")[2].partition("</textarea>")[0]).lstrip("\n")


def test_every_export_is_a_table_to_confirm_first(site: Site) -> None:
    given = {account.address for account in accounts(3)}
    with site.logged_in("analyst") as client:
        for make, *_ in FORMS.values():
            page = client.post("/canaries/adopt", files={"file": ("export", make(accounts(3)))})
            assert (page.status_code, SECRET in page.text) == (200, False)
            assert all(address in page.text for address in given)
        assert not held(site) & given
        done = client.post("/canaries/adopt/confirm", data={"rows": rows_of(page.text)})
    assert (done.status_code, given <= held(site)) == (303, True)


def test_a_large_export_is_adopted_and_never_on_a_disk(site: Site, tmp_path: Path) -> None:
    octets = bitwarden(accounts(2500))
    with site.logged_in("analyst") as client:
        page = client.post("/canaries/adopt", files={"file": ("export", octets)}, timeout=60).text
        done = client.post("/canaries/adopt/confirm", data={"rows": rows_of(page)}, timeout=60)
    assert done.headers["location"] == "/canaries/adopt?done=2500"
    assert len(octets) > 1 << 20
    assert all(SECRET.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_of_two_hundred_pasted_lines_one_bad_one_is_named_and_none_is_lost(site: Site) -> None:
    lines = [f"shop{n}@in.example,Shop {n}" for n in range(200)]
    lines[101] = "no address,Shop 101"
    typed = "\n".join(lines)
    with site.logged_in("analyst") as client:
        page = client.post("/canaries/adopt", data={"rows": typed}).text
        assert rows_of(page).replace("\r", "") == typed
        assert "line 102" in page
        mended = rows_of(page).replace("no address", "shop101@in.example")
        assert "line 102" not in client.post("/canaries/adopt", data={"rows": mended}).text
        client.post("/canaries/adopt/confirm", data={"rows": mended})
    assert {f"shop{n}@in.example" for n in range(200)} <= held(site)


@pytest.mark.parametrize("typed", ["", "no address\n", "a,b,c\n<script>,x\n", "\ufffd" * 50])
def test_a_list_without_an_address_is_shown_again_as_it_was_typed(site: Site, typed: str) -> None:
    with site.logged_in("analyst") as client:
        for path in ("/canaries/adopt", "/canaries/adopt/confirm"):
            answer = client.post(path, data={"rows": typed})
            assert answer.status_code == 400
            assert "<script>," not in answer.text
            assert typed.strip() in rows_of(answer.text)


def test_a_viewer_adopts_nothing(site: Site) -> None:
    with site.logged_in("viewer") as client:
        assert client.post("/canaries/adopt/confirm", data={"rows": "x@in.example,X"}).status_code == 403
    assert "x@in.example" not in held(site)


def test_one_mistake_in_two_hundred_lines_is_said_once() -> None:
    faults = [f"file, line {n}: 'a{n}' is not an address: write address,vendor" for n in range(2, 202)]
    assert said_once([*faults, "file, line 300: another"]) == [
        f"{faults[0]} (the same in 3, 4, 5, 6, 7 and 194 more)", "file, line 300: another",
    ]  # fmt: skip

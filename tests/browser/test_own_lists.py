"""What people have goes in and is kept right by the browser: exports of other programs, and vendors that change."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from canary.store.queries import vendors
from canary.web.issue_forms import IssueSettings
from tests.browser.conftest import Look, Shown
from tests.exports import SECRET, accounts, bitwarden
from tests.ways import add_spares, ready
from tests.website import Site, serve

pytestmark = pytest.mark.browser
SHOTS = Path(__file__).parent / "shots"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(tmp_path, issuing=IssueSettings(("in.example",))) as site:
        ready(site)
        add_spares(site)
        yield site


@pytest.fixture
def look(site: Site, context: BrowserContext) -> Look:
    look = Look(context.new_page())
    Shown(site.url, site.database, lambda: site.now).enter(look.page)
    return look


def clean(site: Site, look: Look) -> bool:
    """Whether no page complained, but that a refused form is answered with 400, and nobody else was asked for anything."""
    faults = [fault for fault in look.faults if "400" not in fault]
    return (faults, [url for url in look.asked if not url.startswith(site.url)]) == ([], [])


@pytest.mark.everyday
def test_an_export_is_confirmed_as_a_table_and_becomes_canaries(site: Site, look: Look, tmp_path: Path) -> None:
    (tmp_path / "vault.json").write_bytes(bitwarden(accounts(5)))
    page = look.page
    page.goto(f"{site.url}/canaries")
    page.get_by_role("link", name="Addresses you gave away before").click()
    page.get_by_label("The file").set_input_files(tmp_path / "vault.json")
    page.get_by_role("button", name="Look at it").first.click()
    expect(page.locator(".answer")).to_contain_text("Bitwarden (JSON): 5 addresses")
    assert SECRET not in page.content()
    page.screenshot(path=SHOTS / "adoption.png", full_page=True)
    page.get_by_role("button", name="Adopt 5 addresses").click()
    expect(page.locator(".answer")).to_contain_text("5 addresses are canaries now")
    page.goto(f"{site.url}/canaries")
    expect(page.get_by_text("shop4.x00004@in.example").first).to_be_visible()
    assert clean(site, look)


def test_two_hundred_pasted_lines_with_a_bad_one_stay_until_it_is_mended(site: Site, look: Look) -> None:
    lines = [f"shop{n}@in.example,Shop {n}" for n in range(200)]
    lines[150] = "shop150 at in.example,Shop 150"
    page = look.page
    page.goto(f"{site.url}/canaries/adopt")
    page.locator("#rows").fill("\n".join(lines))
    page.get_by_role("button", name="Look at it").last.click()
    expect(page.locator("#faults")).to_contain_text("line 151: 'shop150 at in.example' is not an address")
    assert page.locator("#rows").input_value() == "\n".join(lines)
    page.locator("#rows").fill("\n".join(lines).replace(" at ", "@"))
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#faults")).to_have_count(0)
    page.get_by_role("button", name="Adopt 200 addresses").click()
    expect(page.locator(".answer")).to_contain_text("200 addresses are canaries now")
    assert clean(site, look)


def test_a_form_about_a_vendor_that_is_refused_keeps_what_was_typed(site: Site, look: Look) -> None:
    page = look.page
    page.goto(f"{site.url}/vendors/twin/edit")
    page.get_by_label("Name", exact=True).fill("Tea")
    page.get_by_label("Tags").fill("food drink")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("vendor 'tea' has it: merge the two")
    typed = [page.get_by_label(label, exact=exact).input_value() for label, exact in (("Name", True), ("Tags", False))]
    assert typed == ["Tea", "food drink"]
    assert clean(site, look)


def test_a_vendor_is_edited_renamed_merged_and_removed(site: Site, look: Look) -> None:
    page = look.page
    page.goto(f"{site.url}/vendors/twin")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Twin Peaks")
    page.get_by_label("Erasure requested").fill("2011-03-01")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Twin Peaks")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Supplier", exact=True).fill("Letter Works")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#suppliers")).to_contain_text("letter-works")
    page.screenshot(path=SHOTS / "vendor-edit.png", full_page=True)
    page.goto(f"{site.url}/vendors/tea/edit")
    expect(page.locator("#remove")).to_contain_text("It cannot be removed.")
    page.get_by_label("The other vendor").fill("twin")
    page.get_by_role("button", name="Merge …").click()
    expect(page.locator("#main")).to_contain_text("Tea has 1 address, 1 mail, 1 case, which become Twin Peaks\u2019s.")
    page.get_by_role("button", name="Do it").click()
    expect(page).to_have_url(f"{site.url}/vendors/twin")
    expect(page.get_by_text("t@example.net").first).to_be_visible()
    page.goto(f"{site.url}/vendors/spare/edit")
    page.get_by_role("button", name="Remove Spare").click()
    expect(page).to_have_url(f"{site.url}/#vendors")
    assert names(site) == {"play", "twin"}
    assert clean(site, look)


def test_a_supplier_is_edited_renamed_merged_and_removed(site: Site, look: Look) -> None:
    page = look.page
    page.goto(f"{site.url}/suppliers")
    page.get_by_label("Name", exact=True).fill("Letter Works")
    page.get_by_label("Its domains").fill("https://www.letterworks.example/")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("code", has_text="letterworks.example")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Press")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("supplier 'press' has it: merge the two")
    assert page.get_by_label("Name", exact=True).input_value() == "Press"
    page.get_by_label("Name", exact=True).fill("Letters & Co")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Letters & Co")
    page.goto(f"{site.url}/suppliers/letter-works/edit")
    page.get_by_label("The other supplier").fill("press")
    page.get_by_role("button", name="Merge …").click()
    expect(page.locator("#main")).to_contain_text("Letters & Co has 1 domain, which become Press\u2019s.")
    page.get_by_role("button", name="Do it").click()
    expect(page).to_have_url(f"{site.url}/suppliers/press")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Remove Press").click()
    expect(page).to_have_url(f"{site.url}/suppliers")
    expect(page.get_by_text("None yet")).to_be_visible()
    assert clean(site, look)


def names(site: Site) -> set[str]:
    with site.database.reading() as session:
        return {vendor.slug for vendor in vendors.list_vendors(session)}


def test_the_records_of_what_was_just_issued_are_offered_as_a_file(site: Site, look: Look, tmp_path: Path) -> None:
    page: Page = look.page
    page.goto(f"{site.url}/canaries")
    page.get_by_label("Vendor").first.fill("twin")
    page.get_by_label("How many").fill("3")
    page.get_by_label("a postal address").check()
    page.get_by_role("button", name="Issue", exact=True).click()
    expect(page.get_by_role("heading", name="3 addresses issued")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="HubSpot").click()
    download.value.save_as(tmp_path / "seeds.csv")
    rows = (tmp_path / "seeds.csv").read_text().splitlines()
    assert (rows[0].startswith("Email,First Name,Last Name,"), len(rows)) == (True, 4)
    assert clean(site, look)

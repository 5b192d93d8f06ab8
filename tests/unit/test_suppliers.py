"""The book of suppliers: what is shipped is sound, and what is wrong in a book is said at once and clearly."""

from collections.abc import Mapping
from typing import Any

import pytest
from publicsuffixlist import PublicSuffixList

from canary.judge.providers import read_suppliers
from canary.model.registry_rows import RegistryError
from tests.effort import cpu_seconds
from tests.supplier_cases import book

GOOD: dict[str, Any] = {"slug": "post", "name": "Post", "source": ["its manual"], "dkim": ["post.example"]}
HOSTILE = ["a" * 5_000, ":" * 5_000, "<https://" + "a-" * 2_500, "bounces+" + "1" * 5_000, "_" * 5_000, "@" * 5_000]


def faults(*entries: Mapping[str, object], **tables: object) -> tuple[str, ...]:
    with pytest.raises(RegistryError) as refused:
        read_suppliers({"supplier": list(entries), **tables})
    return refused.value.faults


def test_the_shipped_registry_has_thirty_suppliers_and_where_their_account_is() -> None:
    assert len([provider for provider in book().providers if provider.account]) >= 30


def test_every_shipped_supplier_says_where_its_facts_come_from() -> None:
    assert [provider.slug for provider in book().providers if not all(provider.source)] == []


def test_no_shipped_proof_is_a_public_suffix() -> None:
    suffixes = PublicSuffixList()
    held = [d for p in book().providers for d in (*p.dkim, *p.envelope, *p.hosts)]
    assert [domain for domain in held if suffixes.is_public(domain)] == []


def test_no_two_shipped_suppliers_hold_the_same_addresses() -> None:
    held = [(p.slug, network) for p in book().providers for network in p.networks]
    assert [(a, b) for a, one in held for b, other in held if a != b and other[0] in one] == []


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: v[:8])
def test_every_shipped_shape_reads_hostile_values_in_a_moment(value: str) -> None:
    providers = book().providers
    read = [rule.read for provider in providers for rule in provider.account]
    shapes = [shape for provider in providers for _, shape in provider.headers]

    def work() -> None:
        assert [found for one in read if len(found := one(value) or "") > 100] == []
        for shape in shapes:
            shape.fullmatch(value[:2000])

    assert cpu_seconds(work, runs=3) < 0.1


def test_an_entry_may_hold_no_more_than_what_proves_it() -> None:
    read = read_suppliers({"supplier": [GOOD]})
    assert [provider.slug for provider in read.providers] == ["post"]
    assert read.is_shared("x.post.example")
    assert not read.is_shared("notpost.example")


def test_an_empty_registry_recognises_no_provider() -> None:
    read = read_suppliers({})
    assert read.signer("post.example") is read.bouncer("post.example") is None
    assert read.machine("192.0.2.1", "h.post.example") is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"slug": "Post Office"}, "supplier Post Office: slug = 'Post Office': write lower-case letters"),
        ({"name": ""}, "supplier post: name = '': write a text"),
        ({"name": 7}, "supplier post: name = '7': write a text"),
        ({"source": []}, "supplier post: source = '[]': write a list"),
        ({"dkim": "post.example"}, "supplier post: dkim = 'post.example': write a list"),
        ({"dkim": ["*.post.example"]}, '"*.post.example" is not a domain'),
        ({"hosts": ["Post.Example"]}, '"Post.Example" is not a domain'),
        ({"envelope": ["example"]}, '"example" is not a domain'),
        ({"networks": ["192.0.2.1/24"]}, "write networks like"),
        ({"headers": ["X-Id"]}, "write a table of header names"),
        ({"headers": {"X-Id": "a+"}}, 'write it possessively: "++"'),
        ({"feedback_id": "(a"}, "not a regular expression"),
        ({"account": {"in": "envelope"}}, "write a list of rules"),
        ({"account": [{"in": "envelope"}]}, 'a rule has "in"'),
        ({"account": [{"in": "envelope", "shape": "a"}]}, '"a" has no group'),
        ({"rides": ["nobody"]}, 'rides = "nobody": no such supplier'),
        ({"through": ["nobody/1"]}, 'through = "nobody/1": no such supplier'),
        ({"colour": "red"}, "supplier post: colour: unknown key; the keys are slug, name"),
    ],
)
def test_a_bad_entry_is_one_clear_error(change: dict[str, object], fault: str) -> None:
    found = faults({**GOOD, **change})
    assert len(found) == 1
    assert found[0].startswith("suppliers.toml: ")
    assert fault in found[0]


@pytest.mark.parametrize("key", ["slug", "name", "source"])
def test_a_missing_key_is_named(key: str) -> None:
    found = faults({k: v for k, v in GOOD.items() if k != key})
    assert [f"{key}: missing; every entry needs it" in fault for fault in found] == [True]


def test_an_entry_that_nothing_proves_is_refused() -> None:
    assert "nothing would prove it" in faults({k: v for k, v in GOOD.items() if k != "dkim"})[0]


def test_all_faults_are_said_at_once() -> None:
    found = faults({**GOOD, "dkim": ["?"], "feedback_id": "a+"}, {"name": "Second"}, shared=[{}], extra=1)
    assert len(found) == 9


def test_two_entries_cannot_share_a_name_or_a_proof() -> None:
    assert "slug: used by two entries" in faults(GOOD, {**GOOD, "dkim": ["other.example"]})[0]
    assert 'dkim = "post.example": held by several' in faults(GOOD, {**GOOD, "slug": "second"})[0]


@pytest.mark.parametrize("table", [{"supplier": {}}, {"supplier": ["post"]}, {"shared": 3}])
def test_a_table_of_the_wrong_form_is_named(table: dict[str, object]) -> None:
    with pytest.raises(RegistryError, match=r"write \[\["):
        read_suppliers(table)

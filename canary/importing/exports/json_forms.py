"""Exports that are JSON: each form is recognised by its outermost keys."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from canary.importing.exports.listed import MAX_SITES, ExportRead, ListedAddress, UnreadableExport, text_of

_LOGIN = 1
"""The type of an item of Bitwarden that holds a log-in."""

_RULE_NAME = re.compile(r"(?i)rule created at (\S+)$|^send to \S+ rule\.?$")
"""What Cloudflare calls a rule that nobody named."""

Entries = Iterator[ListedAddress]
JsonReader = Callable[[Any], "ExportRead | None"]


def read_json(text: str) -> ExportRead | None:
    """Read an export in JSON, or return None for any other text."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    document = _document(text)
    if document is None:
        raise UnreadableExport("is not whole: it begins like JSON and does not go on so; export it again")
    return read_document(document)


def read_document(document: object) -> ExportRead:
    """Read a JSON document by the first reader that recognises it."""
    found = next((read for reader in READERS if (read := reader(document)) is not None), None)
    if found is None:
        raise UnreadableExport("is JSON of no form that is known: export it as CSV, or write address,vendor lines")
    return found


def _document(text: str) -> Any:
    # Not chained: an error of the JSON module holds the whole text, passwords included.
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _bitwarden(document: Any) -> ExportRead | None:
    if not isinstance(document, dict) or "encrypted" not in document:
        return None
    if document.get("encrypted") or document.get("passwordProtected"):
        raise UnreadableExport(
            "is an encrypted Bitwarden export: export it as .json without a password, and delete it later"
        )
    return ExportRead("Bitwarden (JSON)", _of_items(document.get("items"), _bitwarden_item), vault=True)


def _bitwarden_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    login = item.get("login")
    if item.get("type") != _LOGIN or not isinstance(login, dict):
        return {}
    sites = tuple(text_of(uri.get("uri")) for uri in _objects(login.get("uris")))
    return {
        "address": text_of(login.get("username")), "vendor": text_of(item.get("name")), "sites": sites,
        "issued": text_of(item.get("creationDate")),
    }  # fmt: skip


def _onepassword(document: Any) -> ExportRead | None:
    if not isinstance(document, dict) or "accounts" not in document:
        return None
    vaults = [vault for account in _objects(document["accounts"]) for vault in _objects(account.get("vaults"))]
    items = [item for vault in vaults for item in _objects(vault.get("items"))]
    return ExportRead("1Password (1pux)", _of_items(items, _onepassword_item), vault=True)


def _onepassword_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    overview, details = _object(item.get("overview")), _object(item.get("details"))
    names = [
        each.get("value") for each in _objects(details.get("loginFields")) if each.get("designation") == "username"
    ]
    name = names[0] if names else ""
    # What is linked to a masked address of Fastmail is an object.
    address = name.get("email_address") if isinstance(name, dict) else name
    sites = [overview.get("url"), *(each.get("url") for each in _objects(overview.get("urls")))]
    return {
        "address": text_of(address), "vendor": text_of(overview.get("title")), "sites": tuple(map(text_of, sites)),
        "issued": text_of(item.get("createdAt")),
    }  # fmt: skip


def _simplelogin_or_improvmx(document: Any) -> ExportRead | None:
    if not isinstance(document, dict) or not isinstance(document.get("aliases"), list):
        return None
    if any("forward" in each for each in _objects(document["aliases"])):
        return ExportRead("ImprovMX (JSON)", _of_items(document["aliases"], _improvmx_alias))
    return ExportRead("SimpleLogin (JSON)", _of_items(document["aliases"], _alias))


def _improvmx_domains(document: Any) -> ExportRead | None:
    if not isinstance(document, dict) or not isinstance(document.get("domains"), list):
        return None
    aliases = [
        {**alias, "alias": f"{text_of(alias.get('alias'))}@{text_of(domain.get('domain'))}"}
        for domain in _objects(document["domains"]) for alias in _objects(domain.get("aliases"))
    ]  # fmt: skip
    return ExportRead("ImprovMX (JSON)", _of_items(aliases, _improvmx_alias))


def _improvmx_alias(alias: Mapping[str, Any]) -> Mapping[str, Any]:
    name = text_of(alias.get("alias"))
    return {} if name.startswith("*") else {"address": name, "issued": text_of(alias.get("created"))}


def _cloudflare(document: Any) -> ExportRead | None:
    rules = document.get("result") if isinstance(document, dict) else document
    if not isinstance(rules, list) or not any("matchers" in rule for rule in _objects(rules)):
        return None
    return ExportRead("Cloudflare Email Routing (JSON)", _of_items(rules, _cloudflare_rule))


def _cloudflare_rule(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    to = [each.get("value") for each in _objects(rule.get("matchers")) if each.get("field") == "to"]
    if not to:  # what is left over, and catches all
        return {}
    name = text_of(rule.get("name"))
    unnamed = _RULE_NAME.search(name)
    return {
        "address": text_of(to[0]), "vendor": "" if unnamed else name,
        "issued": (unnamed[1] or "") if unnamed else "",
    }  # fmt: skip


def _relay(document: Any) -> ExportRead | None:
    rows = _rows(document, "full_address")
    return ExportRead("Firefox Relay (JSON)", _of_items(rows, _relay_mask)) if rows is not None else None


def _relay_mask(mask: Mapping[str, Any]) -> Mapping[str, Any]:
    sites = (text_of(mask.get("generated_for")), *text_of(mask.get("used_on")).split(","))
    return {
        "address": text_of(mask.get("full_address")), "vendor": text_of(mask.get("description")), "sites": sites,
        "issued": text_of(mask.get("created_at")),
    }  # fmt: skip


def _fastmail(document: Any) -> ExportRead | None:
    answers = document.get("methodResponses") if isinstance(document, dict) else None
    told = [each[1] for each in answers or [] if isinstance(each, list) and len(each) > 1 and isinstance(each[1], dict)]
    rows = _rows(told[0] if told else document, "email", "forDomain")
    return ExportRead("Fastmail (JSON)", _of_items(rows, _fastmail_mask)) if rows is not None else None


def _fastmail_mask(mask: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "address": text_of(mask.get("email")), "vendor": text_of(mask.get("description")),
        "sites": (text_of(mask.get("forDomain")),), "issued": text_of(mask.get("createdAt")),
    }  # fmt: skip


def _addy(document: Any) -> ExportRead | None:
    rows = _rows(document, "email")
    return ExportRead("addy.io (JSON)", _of_items(rows, _alias)) if rows is not None else None


def _alias(alias: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "address": text_of(alias.get("email")), "vendor": text_of(alias.get("description") or alias.get("note")),
        "issued": text_of(alias.get("created_at") or alias.get("creation_timestamp")),
    }  # fmt: skip


READERS: tuple[JsonReader, ...] = (
    _bitwarden, _onepassword, _simplelogin_or_improvmx, _improvmx_domains, _cloudflare, _relay, _fastmail, _addy,
)  # fmt: skip
"""The first that returns something reads the document. Sources: `libs/importer` of bitwarden/clients, the exports and
APIs of simple-login/app, anonaddy and fx-private-relay, the JMAP extension of Fastmail, Cloudflare's and ImprovMX's APIs."""


def _of_items(items: object, read: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Entries:
    for number, item in enumerate(items if isinstance(items, list) else [], 1):
        place = f"entry {number}"
        if not isinstance(item, dict):
            yield ListedAddress(place, fault="is no entry: export the file again")
        elif facts := read(item):
            sites = tuple(filter(None, facts.get("sites", ())))[:MAX_SITES]
            yield ListedAddress(place, **{**facts, "sites": sites})


def _rows(document: Any, *keys: str) -> list[Any] | None:
    """Return the list that a document is or holds, if its first entry has all of some keys."""
    held = document
    if isinstance(document, dict):
        held = next(
            (document[name] for name in ("data", "list", "results") if isinstance(document.get(name), list)), None
        )
    first = next(iter(_objects(held)), None)
    return held if first is not None and first.keys() >= set(keys) else None


def _objects(value: object) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

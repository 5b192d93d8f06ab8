"""Exports of alias services and password managers, in each form that is read, of as many entries as wanted."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

SECRET = "Hunter2-xyzzy-plugh"
BEGIN = datetime(2020, 1, 1, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Account:
    """One entry: an address of the owner's, and where it is in use."""

    address: str
    vendor: str
    site: str
    made: datetime

    @property
    def iso(self) -> str:
        return self.made.isoformat().replace("+00:00", "Z")


def accounts(count: int) -> list[Account]:
    """Entries a day apart each, with umlauts, quotes, separators and line ends in their names."""
    hard = ("Müller & Söhne", 'The "Shop"', "Tea; Coffee, Cake", "Été\N{RIGHT SINGLE QUOTATION MARK}s", "Łódź Rowery")
    return [
        Account(
            f"shop{n}.x{n:05d}@in.example", f"{hard[n % len(hard)]} {n}", f"https://www.shop{n}.example/login?a=1,2",
            BEGIN + timedelta(hours=7 * n, minutes=n % 60),
        )
        for n in range(count)
    ]  # fmt: skip


def _table(rows: Iterator[tuple[object, ...]], delimiter: str = ",", quote: str = '""') -> str:
    def cell(value: object) -> str:
        text = str(value)
        inside = text.replace("\\", "\\\\").replace('"', quote) if quote == '\\"' else text.replace('"', quote)
        return f'"{inside}"' if any(mark in text for mark in '",;\n') or quote == '\\"' else text

    return "".join(delimiter.join(map(cell, row)) + "\r\n" for row in rows)


def plain(found: list[Account]) -> bytes:
    return _table((("address", "vendor"), *((a.address, a.vendor) for a in found))).encode()  # type: ignore[arg-type]


def semicolons(found: list[Account]) -> bytes:
    rows = (("Adresse", "Vendor", "Date"), *((a.address, a.vendor, a.iso) for a in found))
    return ("sep=;\r\n" + _table(rows, ";")).encode("utf-16")  # type: ignore[arg-type]


def windows(found: list[Account]) -> bytes:
    rows = (("address", "vendor"), *((a.address, a.vendor.replace("Łódź", "Lodz")) for a in found))
    return _table(rows, "\t").encode("cp1252")  # type: ignore[arg-type]


def simplelogin(found: list[Account]) -> bytes:
    rows = (
        ("alias", "note", "enabled", "mailboxes"),
        *((a.address, a.vendor, "True", "me@home.example") for a in found),
    )
    return _table(rows).encode()  # type: ignore[arg-type]


def simplelogin_json(found: list[Account]) -> bytes:
    rows = [{"email": a.address, "enabled": True} for a in found]
    return _json({"email": "me@home.example", "name": "Me", "aliases": rows, "apps": [], "custom_domains": []})


def addy(found: list[Account]) -> bytes:
    head = ("id", "user_id", "local_part", "domain", "email", "active", "description", "emails_forwarded", "created_at")
    rows = (("7", "8", a.address.partition("@")[0], "in.example", a.address, "1", a.vendor, "3",
             f"{a.made:%Y-%m-%d %H:%M:%S}") for a in found)  # fmt: skip
    return _table((head, *rows)).encode("utf-8-sig")  # type: ignore[arg-type]


def relay(found: list[Account]) -> bytes:
    rows = [{
        "enabled": True, "description": a.vendor, "id": 1, "full_address": a.address, "created_at": a.iso,
        "generated_for": a.site, "used_on": "", "num_forwarded": 3,
    } for a in found]  # fmt: skip
    return _json(rows)


def fastmail(found: list[Account]) -> bytes:
    rows = [{"id": "x", "email": a.address, "description": a.vendor, "forDomain": a.site, "state": "enabled",
             "createdAt": a.iso, "createdBy": "Bitwarden", "url": None} for a in found]  # fmt: skip
    return _json({"methodResponses": [["MaskedEmail/get", {"accountId": "u1", "list": rows}, "0"]]})


def fastmail_csv(found: list[Account]) -> bytes:
    head = ("id", "email", "createdBy", "createdAt", "description", "forDomain", "url", "state", "lastMessageAt")
    rows = (("x", a.address, "web", a.iso, a.vendor, a.site, "", "enabled", "") for a in found)
    return _table((head, *rows), ";").encode()  # type: ignore[arg-type]


def cloudflare(found: list[Account]) -> bytes:
    rules = [{
        "id": f"{n}", "name": f"Rule created at {a.iso}" if n % 2 else a.vendor, "enabled": True, "priority": 0,
        "matchers": [{"type": "literal", "field": "to", "value": a.address}],
        "actions": [{"type": "forward", "value": ["me@home.example"]}],
    } for n, a in enumerate(found)]  # fmt: skip
    return _json({"result": [*rules, {"matchers": [{"type": "all"}], "actions": [{"type": "drop"}]}], "success": True})


def improvmx(found: list[Account]) -> bytes:
    rows = [{"alias": a.address.partition("@")[0], "forward": "me@home.example", "id": 4,
             "created": int(a.made.timestamp() * 1000)} for a in found]  # fmt: skip
    return _json({"aliases": [{"alias": "*", "forward": "me@home.example", "id": 1}, *rows], "success": True})


def improvmx_csv(found: list[Account]) -> bytes:
    rows = (("alias", "forward"), *((a.address.partition("@")[0], "me@home.example") for a in found))
    return _table(rows).encode()  # type: ignore[arg-type]


def bitwarden(found: list[Account]) -> bytes:
    items: list[object] = [{
        "passwordHistory": [{"password": f"old {SECRET}"}], "creationDate": a.iso, "id": f"{n}", "type": 1, "reprompt": 0,
        "name": a.vendor, "notes": f"PIN {SECRET}", "favorite": False,
        "fields": [{"name": "security answer", "value": SECRET, "type": 1}],
        "login": {"uris": [{"match": None, "uri": a.site}], "username": a.address, "password": SECRET,
                  "totp": f"otpauth://totp/x?secret={SECRET}"},
    } for n, a in enumerate(found)]  # fmt: skip
    others = [
        {"type": 1, "name": "Forum", "login": {"username": "bob", "password": SECRET, "uris": []}},
        {"type": 1, "name": "Elsewhere", "login": {"username": "bob@elsewhere.example", "password": SECRET}},
        {"type": 2, "name": "A note", "notes": SECRET, "secureNote": {"type": 0}},
        {"type": 3, "name": "Card", "card": {"number": SECRET}},
    ]
    return _json({"encrypted": False, "folders": [], "items": [*items, *others]})


def bitwarden_csv(found: list[Account]) -> bytes:
    head = ("folder", "favorite", "type", "name", "notes", "fields", "reprompt", "login_uri", "login_username",
            "login_password", "login_totp")  # fmt: skip
    rows = (("", "", "login", a.vendor, f"PIN\n{SECRET}", "", "0", a.site, a.address, SECRET, "") for a in found)
    others = ("", "", "login", "Forum", "", "", "0", "https://forum.example", "bob", SECRET, "")
    return _table((head, *rows, others)).encode("utf-8-sig")  # type: ignore[arg-type]


def onepassword(found: list[Account]) -> bytes:
    items = [{
        "uuid": "x", "favIndex": 0, "createdAt": int(a.made.timestamp()), "updatedAt": 1, "state": "active",
        "categoryUuid": "001",
        "details": {"loginFields": [
            {"value": SECRET, "id": "", "name": "password", "fieldType": "P", "designation": "password"},
            {"value": a.address, "id": "", "name": "username", "fieldType": "T", "designation": "username"},
        ], "notesPlain": SECRET, "sections": [], "passwordHistory": [{"value": SECRET, "time": 1}]},
        "overview": {"subtitle": a.address, "urls": [{"label": "", "url": a.site}], "title": a.vendor, "url": a.site},
    } for a in found]  # fmt: skip
    data = {"accounts": [{"attrs": {}, "vaults": [{"attrs": {}, "items": items}]}]}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.attributes", "{}")
        archive.writestr("export.data", json.dumps(data))
    return packed.getvalue()


def onepassword_csv(found: list[Account]) -> bytes:
    head = ("Title", "Url", "Username", "Password", "OTPAuth", "Favorite", "Archived", "Tags", "Notes")
    rows = ((a.vendor, a.site, a.address, SECRET, "", "false", "false", "", SECRET) for a in found)
    return _table((head, *rows)).encode()  # type: ignore[arg-type]


def keepass_csv(found: list[Account]) -> bytes:
    head = ("Account", "Login Name", "Password", "Web Site", "Comments")
    rows = ((a.vendor, a.address, f'{SECRET}"\\', a.site, SECRET) for a in found)
    return _table((head, *rows), quote='\\"').encode()  # type: ignore[arg-type]


def keepassxc_csv(found: list[Account]) -> bytes:
    head = ("Group", "Title", "Username", "Password", "URL", "Notes", "TOTP", "Icon", "Last Modified", "Created")
    rows = (("Root", a.vendor, a.address, SECRET, a.site, SECRET, "", "0", a.iso, a.iso) for a in found)
    return _table((head, *rows)).encode()  # type: ignore[arg-type]


def keepass(found: list[Account]) -> bytes:
    def field(key: str, value: str) -> str:
        return f"<String><Key>{key}</Key><Value>{escape(value)}</Value></String>"

    def entry(a: Account, history: str = "") -> str:
        fields = (
            ("Notes", SECRET),
            ("Password", SECRET),
            ("Title", a.vendor),
            ("URL", a.site),
            ("UserName", a.address),
        )
        times = f"<Times><CreationTime>{a.iso}</CreationTime></Times>"
        return f"<Entry>{times}{''.join(field(*f) for f in fields)}<History>{history}</History></Entry>"

    old = Account("old@in.example", "Old", "https://old.example", BEGIN)
    body = "".join(entry(a, entry(old) if n == 0 else "") for n, a in enumerate(found))
    document = f'<?xml version="1.0" encoding="utf-16"?><KeePassFile><Root><Group><Name>R</Name>{body}</Group></Root></KeePassFile>'
    return document.encode("utf-16")


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


FORMS: dict[str, tuple[Callable[[list[Account]], bytes], bool, bool, bool]] = {
    "list of addresses": (plain, True, False, False),
    "list of addresses, semicolons": (semicolons, True, False, True),
    "list of addresses, Windows": (windows, True, False, False),
    "SimpleLogin (CSV)": (simplelogin, True, False, False),
    "SimpleLogin (JSON)": (simplelogin_json, False, False, False),
    "addy.io (CSV)": (addy, True, False, True),
    "Firefox Relay (JSON)": (relay, True, True, True),
    "Fastmail (JSON)": (fastmail, True, True, True),
    "Fastmail (CSV)": (fastmail_csv, True, True, True),
    "Cloudflare Email Routing (JSON)": (cloudflare, False, False, False),
    "ImprovMX (JSON)": (improvmx, False, False, True),
    "ImprovMX (CSV)": (improvmx_csv, False, False, False),
    "Bitwarden (JSON)": (bitwarden, True, True, True),
    "Bitwarden (CSV)": (bitwarden_csv, True, True, False),
    "1Password (1pux)": (onepassword, True, True, True),
    "1Password (CSV)": (onepassword_csv, True, True, False),
    "KeePass (CSV)": (keepass_csv, True, True, False),
    "KeePassXC (CSV)": (keepassxc_csv, True, True, True),
    "KeePass (XML)": (keepass, True, True, True),
}
"""How each form is made, and whether it names vendors, sites and dates."""

"""Sections of inlets in the settings file: made of options, tried, written, and taken out again."""

import json
import os
import secrets
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from canary.cli.context import CliError

if TYPE_CHECKING:
    from canary.processes.entered_sections import EnteredSection
    from canary.settings import Settings

Values = dict[str, Any]

_ASKED = {
    "imap": ("user", "password"),
    "jmap": ("password",),
    "graph": ("tenant", "client_id"),
    "sqs": ("region",),
    "ingest/mailgun": ("secrets",),
    "ingest/ses": ("topics",),
    "ingest/sendgrid": ("public_key",),
    "ingest/resend": ("secrets", "token"),
    "ingest/forward-email": ("secrets",),
}
"""What is asked for where no option gives it."""

_LISTS = ("secrets", "topics")


def kind_of(name: str, places: dict[str, str]) -> str:
    """Return the section of a new inlet: a service by its name, a mailbox by the option that says where it is."""
    from canary.http_inlet_settings import LABEL
    from canary.processes.entered_sections import SERVICES

    if name.startswith(LABEL):
        if name not in SERVICES:
            raise CliError(f"{name}: is no service that posts; there are {', '.join(SERVICES)}", 2)
        if places:
            raise CliError(f"--{min(places)}: is for mailboxes, and {name} is a service that posts", 2)
        return name
    if len(places) != 1:
        raise CliError(
            "give one of --imap HOST, --maildir PATH, --jmap URL, --graph ADDRESS, --sqs URL; or name a service", 2
        )
    return next(iter(places))


def section_of(kind: str) -> "EnteredSection":
    """Return what is known of a kind of inlets."""
    from canary.processes.entered_sections import SECTIONS

    return SECTIONS[kind]


def header_of(kind: str, name: str) -> str:
    """Return the header of the section of an inlet, without its brackets."""
    path = section_of(kind).path
    return ".".join(path if section_of(kind).optional else (*path, name))


def values_of(kind: str, given: Values) -> Values:
    """Return the values of a new inlet: those that options give, that are asked for, and secrets of ours that are made."""
    section = section_of(kind)
    if strange := sorted(name for name, value in given.items() if value and name not in section.model.model_fields):
        raise CliError(f"{strange[0]}: is no setting of {header_of(kind, 'NAME')}", 2)
    values = {name: value for name, value in given.items() if value not in (None, [], ())}
    for name in _ASKED.get(kind, ()):
        values[name] = values.get(name) or _asked(name, hidden=name in section.secret)
    if kind == "graph" and not (values.get("client_secret") or values.get("refresh_token")):
        values["client_secret"] = _asked("client_secret", hidden=True)
    return {**values, **_made(kind, values)}


def _asked(name: str, *, hidden: bool) -> str | list[str]:
    answer: str = typer.prompt(name.replace("_", " ").capitalize(), hide_input=hidden)
    return [answer] if name in _LISTS else answer


def _made(kind: str, values: Values) -> Values:
    """Return a secret that the other side is to be given, where it is for us to make one; it is printed."""
    if kind == "ingest/raw" and not values.get("secrets"):
        made: Values = {"secrets": ["whsec_" + b64encode(secrets.token_bytes(24)).decode()]}
    elif kind in ("ingest/postmark", "ingest/stalwart") and not values.get("password"):
        made = {"password": secrets.token_urlsafe(24), "user": values.get("user", "canary")}
    else:
        return {}
    lines = ", ".join(f"{name} {value if isinstance(value, str) else value[0]}" for name, value in made.items())
    typer.echo(f"Made for the other side: {lines}")
    return made


def section_text(kind: str, name: str, values: Values) -> str:
    """Return the section of an inlet as the settings file has it."""
    lines = (
        f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value not in (None, [])
    )
    return "\n".join((f"[{header_of(kind, name)}]", *lines, ""))


def without_section(text: str, section: str) -> str:
    """Return a settings file without a section and those inside it."""
    kept, ours = [], False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            header = line.strip().strip("[]").strip()
            ours = header == section or header.startswith(f"{section}.")
        if not ours:
            kept.append(line)
    return "".join(kept).rstrip("\n") + "\n"


def settings_of_text(text: str) -> "Settings":
    """Return the settings that a text gives; raises CliError in one line."""
    import tempfile

    from canary.settings import SettingsError, load_settings

    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            return load_settings(Path(file.name), os.environ)
        except SettingsError as fault:
            raise CliError(str(fault).replace(f"{file.name}: ", ""), 2) from None

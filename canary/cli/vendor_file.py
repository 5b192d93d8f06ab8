"""Vendors as a file: `vendors.toml` read into checked entries, all its faults reported at once."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from canary.cli.context import CliError
from canary.judge.organisation import is_domain, normal


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SupplierEntry(_Entry):
    """A supplier of a vendor in the file."""

    name: str = Field(min_length=1, max_length=200)
    channel: str | None = Field(default=None, max_length=100)
    account: str = Field(default="", max_length=100)
    since: date | None = None
    until: date | None = None


class VendorEntry(_Entry):
    """A vendor in the file."""

    name: str = Field(min_length=1, max_length=200)
    domains: tuple[str, ...] = ()
    brands: tuple[Annotated[str, Field(min_length=2, max_length=100)], ...] = Field(default=(), max_length=20)
    suppliers: tuple[SupplierEntry, ...] = ()
    contract_ends: date | None = None
    erasure_requested: date | None = None
    unsubscribed: date | None = None
    grace_days: int | None = Field(default=None, ge=0, le=3650)
    publishes: bool | None = Field(default=None, strict=True)

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        bad = [d for d in domains if not is_domain(d)]
        if bad:
            raise ValueError(f"{bad[0]!r} is not a domain; write one such as shop.example")
        return tuple(normal(d) for d in domains)


class VendorFile(_Entry):
    """The whole file."""

    vendor: tuple[VendorEntry, ...] = ()


def read_file(path: Path) -> tuple[VendorEntry, ...]:
    """Read the vendors of a file; raises CliError with a line for each fault."""
    try:
        return VendorFile(**tomllib.loads(path.read_text(encoding="utf-8"))).vendor
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise CliError(f"{path}: {fault}: name a TOML file with [[vendor]] entries", 2) from None
    except ValidationError as fault:
        lines = (_line(path, error["loc"], error.get("input"), error["msg"]) for error in fault.errors())
        raise CliError("\n".join(lines), 2) from None


def _line(path: Path, where: tuple[int | str, ...], value: object, cure: str) -> str:
    place = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    return f"{path}: {place} = {str(value)[:60]!r}: {cure}"

"""A form with a file: read in memory whatever its size, as a file of passwords must never be on a disk of ours."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

LARGEST_FILE = 10 << 20
LARGEST_TEXT = 4 << 20
LARGEST_UPLOAD = LARGEST_FILE + LARGEST_TEXT + (64 << 10)


class _InMemory(MultiPartParser):
    spool_max_size = LARGEST_UPLOAD


@dataclass(frozen=True, slots=True)
class UploadedForm:
    """The text fields of a form and its one file, empty without one."""

    fields: dict[str, str]
    octets: bytes = b""
    name: str = ""


async def _read(request: Request) -> UploadedForm:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return UploadedForm(_fields(await request.form(max_fields=10)))
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=10, max_part_size=LARGEST_TEXT)
    try:
        form = await parser.parse()
    except MultiPartException:
        raise HTTPException(400, "The form came in damaged: send it again.") from None
    try:
        file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        octets = await file.read(LARGEST_FILE + 1) if file else b""
        return UploadedForm(_fields(form), octets, (file.filename or "")[:100] if file else "")
    finally:
        await form.close()


def _fields(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str) and "\0" not in value}


Uploaded = Annotated[UploadedForm, Depends(_read)]

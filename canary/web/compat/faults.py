"""Errors in the form that clients of each service show."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from canary.web.routes import COMPAT

SIMPLELOGIN, ADDY = f"{COMPAT}/simplelogin", f"{COMPAT}/addy"


def compat_fault(path: str, status: int, line: str, headers: Mapping[str, str] | None) -> Response:
    """Return an error as clients of the service below whose path it is show it."""
    told: dict[str, Any] = {"error": line}
    if path.startswith(ADDY):
        # Bitwarden shows `message`, the service's own extension the first of `errors`.
        told = {"message": line, **({"errors": {"alias": [line]}} if status == 422 else {})}
    return JSONResponse(told, status, dict(headers or {}))

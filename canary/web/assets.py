"""Style sheets, scripts and pictures: each at an address that changes with its content, and cached for a year."""

from hashlib import sha256
from pathlib import Path

from fastapi import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """The files of a folder; one requested with its hash may be cached, any other is revalidated."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the files once, to know the hash of each."""
        super().__init__(directory=folder)
        files = (file for file in folder.rglob("*") if file.is_file())
        self._marks = {file.relative_to(folder).as_posix(): _mark(file) for file in files}

    def address(self, name: str) -> str:
        """Return the address of a file; raises KeyError for one that is not there."""
        return f"/static/{name}?v={self._marks[name]}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, and how long it may be cached."""
        response = await super().get_response(path, scope)
        current = scope["query_string"] == f"v={self._marks.get(path)}".encode()
        response.headers["Cache-Control"] = FOR_EVER if current else "no-cache"
        return response


def _mark(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:12]

"""Style sheets, scripts and pictures: each under an address that changes with its content, and kept for a year."""

from hashlib import sha256
from pathlib import Path

from fastapi import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """The files of a folder; one asked for by its mark may be kept, any other is asked about again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the files once, to know the mark of each."""
        super().__init__(directory=folder)
        files = (file for file in folder.rglob("*") if file.is_file())
        self._marks = {file.relative_to(folder).as_posix(): _mark(file) for file in files}

    def address(self, name: str) -> str:
        """Return where a file is found; raises KeyError for one that is not there."""
        return f"/static/{name}?v={self._marks[name]}"

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, and say how long it may be kept."""
        response = await super().get_response(path, scope)
        current = scope["query_string"] == f"v={self._marks.get(path)}".encode()
        response.headers["Cache-Control"] = FOR_EVER if current else "no-cache"
        return response


def _mark(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:12]

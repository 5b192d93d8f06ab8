"""Which evidence packs of a case were made, so that letters and exports can cite the newest one."""

import base64
import hashlib
import json
import zipfile
from datetime import datetime
from io import BytesIO

from sqlmodel import Session, col, select

from canary.cases.letter_text import CitedPack
from canary.evidence.log_reading import checkpoint_in
from canary.evidence.pack_file import DOCUMENT
from canary.store.tables import EvidencePackRow


def record_pack(session: Session, number: int, pack: bytes, at: datetime) -> None:
    """Record that a pack of a case was handed out: its digest, and the state of the log that it rests on."""
    with zipfile.ZipFile(BytesIO(pack)) as members:
        note = json.loads(members.read(DOCUMENT))["log"]["checkpoint"]
    digest, state = hashlib.sha256(pack).digest(), checkpoint_in(note)
    if session.get(EvidencePackRow, (number, digest)) is None:
        session.add(EvidencePackRow(case_id=number, digest=digest, at=at, size=state.size, root=state.root))


def newest_pack(session: Session, number: int) -> CitedPack | None:
    """Return the pack of a case that was made last, if any was."""
    row = EvidencePackRow
    query = select(row).where(row.case_id == number).order_by(col(row.at).desc(), col(row.size).desc()).limit(1)
    if (found := session.exec(query).first()) is None:
        return None
    return CitedPack(found.at, bytes(found.digest).hex(), found.size, base64.b64encode(found.root).decode())

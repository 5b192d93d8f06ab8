"""Former names of the parts, until every caller has the new ones."""

from canary.processes.build import delivery_context as alert_desk
from canary.processes.build import pipeline_context as pipeline_parts
from canary.processes.judging import lookups, supplier_book
from canary.processes.spools import Spools as Inboxes
from canary.processes.spools import clock, open_spool
from canary.processes.stores import open_store, seals

__all__ = [
    "Inboxes", "alert_desk", "clock", "lookups", "open_spool", "open_store", "pipeline_parts", "seals", "supplier_book",
]  # fmt: skip

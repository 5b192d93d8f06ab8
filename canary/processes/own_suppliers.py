"""Suppliers that the owner declares while the program runs: the registry that judging goes by follows the store."""

from dataclasses import replace

from canary.judge.providers import ProviderRegistry, with_declared
from canary.model.party import Supplier
from canary.pipeline.story import Context
from canary.store.queries.suppliers import declared_suppliers


class DeclaredSuppliers:
    """The registry as it was read at start, and what the owner declared beside it."""

    def __init__(self, book: ProviderRegistry) -> None:
        """Begin with the registry of the files."""
        self._book = book
        self._seen: tuple[Supplier, ...] = ()

    def refreshed(self, context: Context) -> Context:
        """Return the context with the registry as the store has it now, and the same one where nothing changed."""
        with context.store.reading() as session:
            declared = declared_suppliers(session)
        if declared == self._seen:
            return context
        self._seen = declared
        return replace(context, book=with_declared(self._book, declared))

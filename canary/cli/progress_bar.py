"""A progress bar for what takes long, where somebody looks at the screen."""

import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

SizedPart = TypeVar("SizedPart", bound=Sized)


def shown_progress(parts: Iterable[SizedPart], total: int, what: str) -> Iterator[SizedPart]:
    """Pass parts on, and show beside the output, on standard error, how many things of how many they had together.

    Where standard error is no terminal, nothing is shown.
    """
    if not sys.stderr.isatty():
        yield from parts
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        for part in parts:
            bar.advance(task, len(part))
            yield part

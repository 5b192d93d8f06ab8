"""What may go wrong with an inlet, in one line with the cure."""


class InletFault(Exception):
    """An inlet cannot go on for now; `by_settings` means that it will not before somebody corrects something."""

    def __init__(self, line: str, *, by_settings: bool = False) -> None:
        """Say what is wrong."""
        super().__init__(line)
        self.by_settings = by_settings

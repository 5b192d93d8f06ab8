"""What may go wrong with an inlet, in one line with the cure."""


class InletFault(Exception):
    """An inlet cannot go on for now; `by_settings` means that it will not before somebody corrects something.

    `wait` are the seconds after which the other side asked to be asked again.
    """

    def __init__(self, line: str, *, by_settings: bool = False, wait: float = 0.0) -> None:
        """Say what is wrong."""
        super().__init__(line)
        self.by_settings, self.wait = by_settings, wait

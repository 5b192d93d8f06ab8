"""What a test of an inlet ends with where the inlet does not work."""


class TrialFailed(OSError):
    """An inlet cannot be used; the text is one line with the cure."""

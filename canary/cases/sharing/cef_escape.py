"""Escaping in the Common Event Format, on its own: messages need it and nothing else of a case."""


def escape_header(text: str) -> str:
    """Return a text as a field of the head."""
    return text.replace("\n", " ").replace("\\", "\\\\").replace("|", "\\|")


def escape_value(text: str) -> str:
    """Return a text as the value of an extension."""
    return text.replace("\\", "\\\\").replace("=", "\\=").replace("\t", " ").replace("\n", "\\n")

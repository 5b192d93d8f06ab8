"""Lists of words in forms: read with commas between, and written so again."""

from collections.abc import Iterable, Mapping


def read_words(text: str) -> list[str]:
    """Return the words of a field."""
    return [word for part in text.split(",") if (word := part.strip())]


def written_lists(values: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """Return those of the named values that are lists, as fields have them."""
    return {name: ", ".join(map(str, found)) for name in names if isinstance(found := values.get(name), list | tuple)}

"""Forms as services post them, read as octets: a mail in a field must not be decoded."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from canary.inlets.http.posted_mail import malformed

MOST_FIELDS = 500
_MOST_HEADER = 4096


@dataclass
class _Parts:
    """The parts of a multipart form as the parser reports them; of several by one name the first counts."""

    fields: dict[str, bytes] = field(default_factory=dict)
    count: int = 0
    _name: bytes = b""
    _value: bytes = b""
    _disposition: bytes = b""
    _pieces: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        self.count += 1
        if self.count > MOST_FIELDS:
            raise malformed(f"the form has more than {MOST_FIELDS} fields")
        self._name = self._value = self._disposition = b""
        self._pieces = []

    def on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name = _bounded(self._name + data[start:end])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _bounded(self._value + data[start:end])

    def end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def on_data(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(data[start:end])

    def end(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"")
        if name:
            self.fields.setdefault(name.decode("utf-8", "replace"), b"".join(self._pieces))
        self._pieces = []


def read_form(kind: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a form by name; raises PostRefused for what is none."""
    content_type, options = parse_options_header(kind)
    if content_type == b"application/x-www-form-urlencoded":
        return _read_urlencoded(body)
    if content_type == b"multipart/form-data" and options.get(b"boundary"):
        return _read_multipart(body, options[b"boundary"])
    raise malformed("the body is no form")


def _read_urlencoded(body: bytes) -> dict[str, bytes]:
    try:
        # By latin-1 each octet is one character, there and back.
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, encoding="latin-1", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise malformed("the form cannot be read") from None
    fields: dict[str, bytes] = {}
    for name, value in pairs:
        fields.setdefault(name, value.encode("latin-1", "replace"))
    return fields


def _read_multipart(body: bytes, boundary: bytes) -> dict[str, bytes]:
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, {
            "on_part_begin": parts.begin, "on_header_field": parts.on_header_name, "on_part_end": parts.end,
            "on_header_value": parts.on_header_value, "on_header_end": parts.end_header, "on_part_data": parts.on_data,
        })  # fmt: skip
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise malformed("the form cannot be read") from None
    return parts.fields


def field_text(fields: dict[str, bytes], name: str, most: int = 1000) -> str:
    """Return a short field as text, empty where there is none."""
    value = fields.get(name, b"")
    return value.decode("utf-8", "replace").strip() if len(value) <= most else ""


def _bounded(header: bytes) -> bytes:
    if len(header) > _MOST_HEADER:
        raise malformed("a header in the form is too long")
    return header

"""An authority that stamps time (RFC 3161), at a time that a test chooses: its certificates, its stamps, and a server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

_SHA256 = bytes.fromhex("300d06096086480165030402010500")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _DIGEST, _CERTIFICATE = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"


def der(tag: int, *parts: bytes) -> bytes:
    """Return a value of ASN.1 in DER."""
    content = b"".join(parts)
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (octets if size < 128 else bytes([0x80 | len(octets)]) + octets) + content


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    found = bytes([first * 40 + second])
    for number in rest:
        groups = [number >> shift & 0x7F for shift in range(28, -1, -7)]
        while len(groups) > 1 and not groups[0]:
            del groups[0]
        found += bytes([*(0x80 | group for group in groups[:-1]), groups[-1]])
    return der(6, found)


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def children(value: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the tags, the whole octets and the contents of the values within a value."""
    at = 0
    while at < len(value):
        tag, size, begin = value[at], value[at + 1], at + 2
        if size & 0x80:
            begin += size & 0x7F
            size = int.from_bytes(value[at + 2 : begin], "big")
        yield tag, value[at : begin + size], value[begin : begin + size]
        at = begin + size


@dataclass
class TimeAuthority:
    """A root, a signer below it, both valid for a year around the time of its clock, and a count of its stamps."""

    now: datetime
    name: str = "Test Time Authority"
    stamps: int = 0

    def __post_init__(self) -> None:
        self.root_key, self.key = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self.root = self._certificate(f"{self.name} Root", self.root_key, f"{self.name} Root", ca=True)
        self.signer = self._certificate(self.name, self.key, f"{self.name} Root", ca=False)

    def _certificate(self, name: str, key: rsa.RSAPrivateKey, issuer: str, *, ca: bool) -> x509.Certificate:
        half = timedelta(days=180)
        made = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - half)
            .not_valid_after(self.now + half)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            made = made.add_extension(stamping, critical=True)
        return made.sign(self.root_key, SHA256())

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a request."""
        _, imprint, *rest = [part for _, _, whole in children(request) for part in children(whole)]
        nonce = next((whole for tag, whole, _ in rest if tag == 2), b"")
        self.stamps += 1
        at = der(24, f"{self.now:%Y%m%d%H%M%SZ}".encode())
        info = der(48, integer(1), oid("1.2.3.4"), imprint[1], integer(self.stamps), at, nonce)
        return der(48, der(48, integer(0)), der(48, oid(_SIGNED_DATA), der(0xA0, self._signed(info))))

    def _signed(self, info: bytes) -> bytes:
        mine = self.signer.public_bytes(Encoding.DER)
        digest = der(48, oid(_CERTIFICATE), der(49, der(48, der(48, der(48, der(4, sha256(mine).digest()))))))
        attributes = [
            der(48, oid(_CONTENT_TYPE), der(49, oid(_TST_INFO))),
            der(48, oid(_DIGEST), der(49, der(4, sha256(info).digest()))),
            digest,
        ]
        content = b"".join(sorted(attributes))
        signature = self.key.sign(der(49, content), padding.PKCS1v15(), SHA256())
        issuer = der(48, self.signer.issuer.public_bytes(), integer(self.signer.serial_number))
        one = der(48, integer(1), issuer, _SHA256, der(0xA0, content), _RSA_SHA256, der(4, signature))
        certificates = der(0xA0, *sorted((mine, self.root.public_bytes(Encoding.DER))))
        encapsulated = der(48, oid(_TST_INFO), der(0xA0, der(4, info)))
        return der(48, integer(3), der(49, _SHA256), encapsulated, certificates, der(49, one))

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve by HTTP; yields the address."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                answer = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

"""Time stamps of an authority (RFC 3161) over the text of a checkpoint: asked for, and checked without any clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
LARGEST = 64 * 1024


class StampError(ValueError):
    """A time stamp is none, or is not for what it should be for."""


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A time stamp that holds: when, by whom, and the SHA-256 of the certificate that all trust in it goes back to."""

    at: datetime
    authority: str
    root: str


def stamp_request(text: str) -> "TimeStampRequest":
    """Return the request for a time stamp over a text, with a random nonce and for the whole chain of certificates."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 - only where stamps are wanted

    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build()


def check_stamp(
    token: bytes, text: str, roots: Sequence[x509.Certificate], asked: "TimeStampRequest | None" = None
) -> TimeStamp:
    """Check a time stamp over a text, by certificates that were valid when it was made; raises StampError, ImportError.

    `asked` is the request, where the answer to it is fresh.
    """
    import rfc3161_client as rfc3161  # noqa: PLC0415

    try:
        answer = rfc3161.decode_timestamp_response(token)
        builder = rfc3161.VerifierBuilder.from_request(asked) if asked else rfc3161.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(answer, text.encode())
        if answer.as_bytes() != token:
            raise StampError("something was added to the time stamp")
        signer, top = _chain(answer.signed_data, roots)
        return TimeStamp(answer.tst_info.gen_time, signer, top)
    except (rfc3161.VerificationError, ValueError, TypeError) as fault:
        raise StampError(f"the time stamp does not hold: {str(fault)[:200]}") from None


def embedded_roots(token: bytes) -> list[x509.Certificate]:
    """Return the certificates in a time stamp that name themselves as their issuer; raises StampError, ImportError."""
    import rfc3161_client as rfc3161  # noqa: PLC0415

    try:
        found = rfc3161.decode_timestamp_response(token).signed_data.certificates
        certificates = [x509.load_der_x509_certificate(each) for each in found]
    except (ValueError, TypeError) as fault:
        raise StampError(f"it is no time stamp: {fault}") from None
    return [each for each in certificates if each.issuer == each.subject]


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """Read certificates in PEM; raises StampError."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as fault:
        raise StampError(f"the certificates cannot be read: {fault}") from None


def write_certificates(certificates: Sequence[x509.Certificate]) -> bytes:
    """Return certificates in PEM, in one form."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _chain(signed: object, roots: Sequence[x509.Certificate]) -> tuple[str, str]:
    """Return the name of the signer, and the fingerprint of the root above it."""
    found = [x509.load_der_x509_certificate(each) for each in getattr(signed, "certificates", ())]
    by = {each.subject: each for each in (*found, *roots)}
    issuers = {each.issuer for each in (*found, *roots)}
    signer = next((each for each in found if each.subject not in issuers), found[0] if found else roots[0])
    top = signer
    for _ in range(10):
        if top.issuer == top.subject or top.issuer not in by:
            break
        top = by[top.issuer]
    name = signer.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name[0].value) if name else signer.subject.rfc4514_string(), top.fingerprint(SHA256()).hex()

"""Requests to Amazon S3 signed by AWS Signature Version 4, as far as fetching an object needs it.

docs.aws.amazon.com/AmazonS3, "Authenticating Requests: Using the Authorization Header".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class AwsKey:
    """An access key, its secret, and the region that it is used in."""

    id: str
    secret: str = field(repr=False)
    region: str


def object_url(region: str, bucket: str, name: str) -> str:
    """Return where an object of a bucket is, each character of its name escaped that could mean something else."""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://s3.{region}.{domain}/{quote(bucket, safe='')}/{quote(name, safe='/~')}"


def signed_get(key: AwsKey, url: str, now: datetime, headers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that sign a request for an object, besides Host; the names of `headers` are lower case."""
    at, where = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"), urlsplit(url)
    signed = {"host": where.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": at, **(headers or {})}
    names = sorted(signed)
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in names)
    request = f"GET\n{where.path or '/'}\n{where.query}\n{lines}\n{';'.join(names)}\n{_NOTHING}"
    scope = f"{at[:8]}/{key.region}/s3/aws4_request"
    text = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    made = hmac.digest(_day_key(key, at[:8]), text.encode(), "sha256").hex()
    credential = f"{_ALGORITHM} Credential={key.id}/{scope},SignedHeaders={';'.join(names)},Signature={made}"
    return {**{name: value for name, value in signed.items() if name != "host"}, "authorization": credential}


def _day_key(key: AwsKey, day: str) -> bytes:
    made = f"AWS4{key.secret}".encode()
    for part in (day, key.region, "s3", "aws4_request"):
        made = hmac.digest(made, part.encode(), "sha256")
    return made

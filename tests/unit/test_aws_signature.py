"""Signatures of requests to Amazon S3, against the worked example of its documentation."""

from datetime import UTC, datetime

import pytest

from canary.net.aws_signature import AwsKey, object_url, signed_get

KEY = AwsKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
DAY = datetime(2013, 5, 24, tzinfo=UTC)


def test_the_example_of_the_documentation_gets_the_signature_that_stands_there() -> None:
    headers = signed_get(KEY, "https://examplebucket.s3.amazonaws.com/test.txt", DAY, {"range": "bytes=0-9"})
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mail/abc", "/bucket/mail/abc"),
        ("a b?c#d", "/bucket/a%20b%3Fc%23d"),
        ("../x", "/bucket/../x"),
        ("ü", "/bucket/%C3%BC"),
    ],
)
def test_the_name_of_an_object_is_escaped_so_that_it_is_nothing_but_a_name(name: str, path: str) -> None:
    assert object_url("eu-west-1", "bucket", name) == f"https://s3.eu-west-1.amazonaws.com{path}"


def test_no_secret_is_shown() -> None:
    assert KEY.secret not in repr(KEY)

"""Every kind of destination against a real server: what arrives, and what a refusal means."""

import base64
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft202012Validator
from standardwebhooks.webhooks import Webhook

from canary.alerts.channels import CHANNELS
from canary.alerts.channels.base import Delivery, DeliveryError, Target
from canary.model.alert import SEVERITY, Alert, AlertMessage, CaseSummary
from canary.net.http import AddressRefused, Http, Unreachable
from tests.patience import PATIENCE
from tests.receiver import Receiver, receiving
from tests.slack import faults, slack

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://canary.example"
SECRET, OLDER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_plJ3nmyCDGBKInavdOK15jsl"
SCHEMA = Path(__file__).parents[2] / "docs/alert-event-1.schema.json"
HOSTILE = "<!channel> @everyone **b** [x](https://bad.example) <https://bad.example|x> &amp; http://a.example\r\n| = \\ \u202e"
FACT = Alert(
    id="id-1", kind="case-opened", at=NOW, case=7, vendor="Play & Co", verdict="spam", confidence=0.97,
    canary="play-x@in.example", sender=HOSTILE, subject=HOSTILE * 20, reasons=(HOSTILE,) * 9,
    suspects=(("Silverline", 0.87), ("Play & Co", 0.09)), vendors=("play",), campaign=3, mail=3,
    summary="Most likely Silverline's list was stolen (87%).", leak=0.96,
)  # fmt: skip
STANDS = CaseSummary(
    2, ("Play & Co", "Shop"), 500, 5000, FACT.suspects, (NOW, NOW), ("given_name",), FACT.summary, FACT.leak
)
POSTED = ("slack", "teams", "discord", "mattermost", "ntfy")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    # Its store of certificates takes longer to read than a test needs.
    found = Http(allow_private=True, seconds=PATIENCE)
    yield found
    found.close()


def post(kind: str, url: str, *secrets: str, bulletin: AlertMessage | None = None) -> Delivery:
    return Delivery(bulletin or AlertMessage(FACT, standing=STANDS), Target("ops", kind, url, secrets), NOW, URL)


def send(http: Http, one: Delivery) -> None:
    CHANNELS[one.target.kind].send(http, one)


def strings(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for value in document.values():
            yield from strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


@pytest.mark.parametrize("kind", POSTED)
def test_the_message_arrives_under_its_id_with_the_answer_and_the_way_to_the_case(
    http: Http, receiver: Receiver, kind: str
) -> None:
    send(http, post(kind, receiver.url))
    [(headers, body)] = receiver.got
    assert headers["x-canary-alert"] == "id-1"
    said = "\n".join(strings(json.loads(body)))
    links = ("https://canary.example/cases/7", "https://canary.example/mail/3#whose")
    for told in ("Play", "spam", "Silverline's list was stolen", "87%", "499 more", *links, "1 Mar 2026"):
        assert told in said, told


@pytest.mark.parametrize("kind", POSTED)
def test_nothing_from_a_mail_mentions_links_or_marks_anything(http: Http, receiver: Receiver, kind: str) -> None:
    send(http, post(kind, receiver.url))
    said = "\n".join(text for text in strings(receiver.documents()[0]) if "adaptivecards.io" not in text)
    said = said.replace("https://canary.example", "")
    for forbidden in ("https://", "http://", "bad.example", "\u202e"):
        assert forbidden not in said
    if kind in ("discord", "mattermost"):
        assert "<!channel>" not in said
        assert not re.search(r"@everyone|(?<!\\)\[x|(?<!\\\*)(?<!\\)\*\*b", said)


@pytest.mark.parametrize(
    "bulletin",
    [
        AlertMessage(FACT),
        AlertMessage(FACT, (FACT,) * 400, STANDS, update=True),
        AlertMessage(FACT, tuple(replace(FACT, kind=kind, change=HOSTILE * 9) for kind in SEVERITY), STANDS),
        AlertMessage(FACT, (FACT,) * 400, digest=True),
        *(AlertMessage(replace(FACT, kind=kind, change="x", sender="", subject="", reasons=())) for kind in SEVERITY),
        *(AlertMessage(replace(FACT, kind=kind, case=0, identity=HOSTILE)) for kind in SEVERITY),
    ],
)
def test_every_message_keeps_the_rules_of_slack(http: Http, bulletin: AlertMessage) -> None:
    with slack() as found:
        send(http, post("slack", found.url, bulletin=bulletin))
        assert found.faults == []
        assert found.ids == ["id-1"]


def test_the_receiver_of_these_tests_sees_what_is_wrong() -> None:
    text = {"type": "mrkdwn", "text": "<!channel> & https://x " + "x" * 3000}
    wrong = {"text": "", "blocks": [{"type": "section", "text": text}] * 21}
    told = " ".join(faults(wrong))
    for rule in ("21 blocks", "characters", "no text", "unfold", "a bare &", "a link or mention"):
        assert rule in told


def test_slack_gets_header_answer_evidence_window_what_to_do_and_a_button_in_this_order(http: Http) -> None:
    with slack() as found:
        send(http, post("slack", found.url))
        [message] = found.messages
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["header", "section", "section", "section", "section", "context", "actions"]
    assert message["blocks"][0]["text"]["text"] == "Possible leak at Play & Co: spam and 1 other vendor"
    assert "Most likely Silverline's list was stolen (87%)" in message["blocks"][2]["text"]["text"]
    assert message["blocks"][-1]["elements"][0]["url"] == "https://canary.example/cases/7"


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        *(("slack", status, word) for status, word in (
            (400, "invalid_payload"), (403, "action_prohibited"), (404, "channel_not_found"), (404, "no_service"),
            (410, "channel_is_archived"), (403, "invalid_token"), (400, "no_text"),
        )),
        ("discord", 404, '{"message": "Unknown Webhook", "code": 10015}'),
        ("discord", 400, '{"message": "Invalid Form Body", "code": 50035}'),
        ("mattermost", 400, '{"id": "web.incoming_webhook.invalid.app_error"}'),
        ("mattermost", 501, '{"id": "web.incoming_webhook.disabled.app_error"}'),
        ("teams", 400, "bad request"), ("teams", 404, ""), ("ntfy", 403, '{"code":40301}'), ("ntfy", 413, ""),
        ("webhook", 410, "gone"),
    ],
)  # fmt: skip
def test_what_cannot_get_better_stops_at_once(
    http: Http, receiver: Receiver, kind: str, status: int, text: str
) -> None:
    receiver.answers = [(status, text, {})]
    with pytest.raises(DeliveryError) as caught:
        send(http, post(kind, receiver.url, SECRET))
    assert caught.value.permanent


@pytest.mark.parametrize("kind", [*POSTED, "webhook"])
@pytest.mark.parametrize("status", [429, 500, 503, 302])
def test_what_may_get_better_is_tried_again_when_the_service_asks(
    http: Http, receiver: Receiver, kind: str, status: int
) -> None:
    receiver.answers = [(status, "later", {"Retry-After": "7"})]
    with pytest.raises(DeliveryError) as caught:
        send(http, post(kind, receiver.url, SECRET))
    assert (caught.value.permanent, caught.value.wait) == (False, 7)


def test_retry_after_may_be_a_date(receiver: Receiver) -> None:
    http = Http(allow_private=True, clock=lambda: NOW)
    receiver.answers = [(503, "", {"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}), (503, "", {"Retry-After": "soon"})]
    assert [http.post(receiver.url, b"", {}).retry_after for _ in range(2)] == [30, None]
    http.close()


def test_teams_may_say_inside_of_a_success_that_it_is_busy(http: Http, receiver: Receiver) -> None:
    receiver.answers = [(200, "Webhook message delivery failed with error: ... returned HTTP error 429 ...", {})]
    with pytest.raises(DeliveryError):
        send(http, post("teams", receiver.url))


def test_discord_pings_nobody_and_keeps_its_limits(http: Http, receiver: Receiver) -> None:
    send(http, post("discord", receiver.url, bulletin=AlertMessage(FACT, (FACT,) * 400, STANDS, update=True)))
    [message] = receiver.documents()
    assert message["allowed_mentions"] == {"parse": []}
    [embed] = message["embeds"]
    assert len(embed["title"]) <= 256
    assert sum(map(len, strings(message))) < 6000


def test_ntfy_gets_the_topic_the_token_and_the_page_that_a_tap_opens(http: Http, receiver: Receiver) -> None:
    send(http, post("ntfy", receiver.url.replace("/hook", "/leaks"), "tk_secret"))
    [(headers, body)] = receiver.got
    assert (headers[":path"], headers["authorization"]) == ("/", "Bearer tk_secret")
    message = json.loads(body)
    assert (message["topic"], message["click"]) == ("leaks", "https://canary.example/cases/7")
    assert len(message["message"].encode()) < 4096


def test_teams_stays_below_its_limit(http: Http, receiver: Receiver) -> None:
    send(http, post("teams", receiver.url, bulletin=AlertMessage(FACT, (FACT,) * 400, STANDS, update=True)))
    assert len(receiver.got[0][1]) < 25_000


class TestWebhook:
    def now(self, *secrets: str, url: str) -> Delivery:
        return replace(post("webhook", url, *secrets), now=datetime.now(UTC))  # the library reads the real clock

    def test_it_is_signed_as_the_specification_says(self, http: Http, receiver: Receiver) -> None:
        send(http, self.now(SECRET, url=receiver.url))
        headers, body = receiver.got[0]
        assert Webhook(SECRET).verify(body, headers)["data"]["case"] == 7
        assert headers["webhook-id"] == "id-1"

    @pytest.mark.parametrize("secret", [SECRET, OLDER])
    def test_while_secrets_are_exchanged_either_verifies_it(self, http: Http, receiver: Receiver, secret: str) -> None:
        send(http, self.now(SECRET, OLDER, url=receiver.url))
        headers, body = receiver.got[0]
        assert Webhook(secret).verify(body, headers)["version"] == 1

    def test_an_asymmetric_key_signs_it_beside(self, http: Http, receiver: Receiver) -> None:
        key = Ed25519PrivateKey.generate()
        private = "whsk_" + base64.b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()
        send(http, self.now(SECRET, private, url=receiver.url))
        headers, body = receiver.got[0]
        assert Webhook(SECRET).verify(body, headers)
        version, _, signature = headers["webhook-signature"].split()[1].partition(",")
        signed = f"id-1.{headers['webhook-timestamp']}.".encode() + body
        key.public_key().verify(base64.b64decode(signature), signed)
        assert version == "v1a"

    @pytest.mark.parametrize("secret", ["whsec_?", "whsk_AAAA", "whsec_"])
    def test_an_invalid_secret_is_reported_without_showing_it(
        self, http: Http, receiver: Receiver, secret: str
    ) -> None:
        with pytest.raises(DeliveryError, match="generate a new one") as caught:
            send(http, post("webhook", receiver.url, secret))
        assert caught.value.permanent

    @pytest.mark.parametrize("kind", SEVERITY)
    def test_every_event_keeps_to_the_published_schema(self, http: Http, receiver: Receiver, kind: str) -> None:
        schema = json.loads(SCHEMA.read_text())
        Draft202012Validator.check_schema(schema)
        bare = Alert(id="id-2", kind=kind, at=NOW)
        send(http, post("webhook", receiver.url, SECRET, bulletin=AlertMessage(bare, (replace(FACT, kind=kind),))))
        Draft202012Validator(schema).validate(receiver.documents()[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestApprise:
    def test_what_apprise_reaches_is_reached(self, http: Http, receiver: Receiver) -> None:
        send(http, post("apprise", receiver.url.replace("http://", "json://")))
        [document] = receiver.documents()
        assert document["title"].startswith("Possible leak at Play & Co")
        assert "bad.example" not in document["message"]

    def test_a_failure_is_tried_again(self, http: Http, receiver: Receiver) -> None:
        receiver.answers = [(500, "", {})]
        with pytest.raises(DeliveryError) as caught:
            send(http, post("apprise", receiver.url.replace("http://", "json://")))
        assert not caught.value.permanent

    def test_a_private_host_is_refused(self, receiver: Receiver) -> None:
        http = Http(allow_private=False)
        with pytest.raises(AddressRefused):
            send(http, post("apprise", receiver.url.replace("http://", "json://")))
        http.close()
        assert receiver.got == []

    def test_an_address_that_it_cannot_read_is_a_dead_letter(self, http: Http) -> None:
        with pytest.raises(DeliveryError) as caught:
            send(http, post("apprise", "nosuchservice://x"))
        assert caught.value.permanent


@contextmanager
def listening(wrap: Callable[[socket.socket], socket.socket] = lambda s: s) -> Iterator[tuple[int, list[bytes]]]:
    """Take one connection over TCP and keep what comes."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)

        def take() -> None:
            connection, _ = server.accept()
            with wrap(connection) as stream:
                stream.settimeout(PATIENCE)
                while data := stream.recv(65536):
                    got.append(data)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield server.getsockname()[1], got
        thread.join(PATIENCE)


def frames(data: bytes) -> list[str]:
    found = []
    while data:
        size, _, rest = data.partition(b" ")
        found.append(rest[: int(size)].decode())
        data = rest[int(size) :]
    return found


class TestSyslog:
    line = re.compile(
        r"<(?P<priority>\d+)>1 2026-03-01T12:00:00\.000\+00:00 canary\.example canary - case-opened - "
        r"CEF:0\|Canary\|Canary\|[\d.]+\|case-opened\|case opened\|9\|(?P<extension>.*)",
        re.DOTALL,
    )

    def read(self, line: str) -> dict[str, Any]:
        found = self.line.fullmatch(line)
        assert found, line
        assert found["priority"] == str(13 * 8 + 2)
        pairs = re.findall(r"(\w+)=((?:\\=|\\\\|\\n|[^=\\])*?)(?= \w+=|$)", found["extension"])
        return dict(pairs)

    def test_a_datagram_is_one_event(self, http: Http) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.settimeout(PATIENCE)
            send(http, post("syslog", f"udp://127.0.0.1:{server.getsockname()[1]}"))
            line = server.recv(65536).decode()
        values = self.read(replace_cut(line))
        assert (values["externalId"], values["cn1"], values["cat"]) == ("id-1", "7", "spam")

    def test_a_stream_counts_octets_and_every_fact_is_an_event(self, http: Http) -> None:
        small = replace(FACT, subject="Grüße", sender="a=b|c\\d\nnext", reasons=())
        with listening() as (port, got):
            send(http, post("syslog", f"tcp://127.0.0.1:{port}", bulletin=AlertMessage(small, (small,))))
        one, other = frames(b"".join(got))
        assert one == other
        values = self.read(one)
        assert values["suser"] == "a\\=b|c\\\\d\\nnext"
        assert values["msg"] == "Grüße"
        assert "\n" not in one

    def test_a_stream_may_be_encrypted_and_the_name_is_checked(
        self, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with listening(lambda s: context.wrap_socket(s, server_side=True)) as (port, got):
            send(http, post("syslog", f"tls://localhost:{port}"))
        assert len(frames(b"".join(got))) == 1

    def test_an_unreachable_destination_is_tried_again(self, http: Http) -> None:
        with pytest.raises(Unreachable):
            send(http, post("syslog", "tcp://127.0.0.1:9"))

    @pytest.mark.parametrize("scheme", ["udp", "tcp", "tls"])
    def test_a_private_host_is_refused(self, scheme: str) -> None:
        http = Http(allow_private=False)
        with pytest.raises(AddressRefused):
            send(http, post("syslog", f"{scheme}://127.0.0.1:514"))
        http.close()


def replace_cut(line: str) -> str:
    """Return a line that was cut at the end of its datagram without the value that is not whole."""
    return line if len(line.encode()) < 2000 else line.rpartition(" ")[0]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "100.64.0.1"]
)
def test_private_addresses_are_refused_whatever_they_look_like(host: str) -> None:
    http = Http(allow_private=False)
    with pytest.raises(AddressRefused):
        http.post(f"http://{host}/x", b"", {})
    http.close()

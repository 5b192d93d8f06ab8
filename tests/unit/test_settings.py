"""Settings are read once, checked whole, and explained."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from canary.alerts.channels import CHANNELS
from canary.attribute.priors import RATES
from canary.model.alert import SEVERITY, Mode
from canary.settings import Destination, Settings, SettingsError, load_settings

EXAMPLE = Path(__file__).parents[2] / "config/canary.example.toml"


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "canary.toml"


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        found += keys(inner, f"{prefix}{name}.") if nested else [f"{prefix}{name}"]  # type: ignore[arg-type]
    return found


def test_the_example_states_every_default() -> None:
    settings = load_settings(EXAMPLE, {})
    assert settings == Settings()


@pytest.mark.parametrize("key", keys(Settings))
def test_the_example_names_every_key(key: str) -> None:
    text = EXAMPLE.read_text()
    section, _, name = key.rpartition(".")
    part = text.partition(f"[{section}]")[2].partition("\n[")[0] if section else text.partition("\n[")[0]
    assert f"{name} = " in part or f"[alert.{name}" in text or f"# [{section}.{name}." in text


def test_the_environment_wins_over_the_file(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("[smtp]\nport = 1")
    monkeypatch.setenv("CANARY_SMTP__PORT", "2")
    monkeypatch.setenv("CANARY_DOMAINS", '["a.example"]')
    settings = load_settings(toml, {})
    assert (settings.smtp.port, settings.domains) == (2, ("a.example",))


def test_a_secret_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("postgresql://db/canary\n")
    monkeypatch.setenv("CANARY_STORE__URL_FILE", str(tmp_path / "url"))
    assert load_settings(None, {}).store_url == "postgresql://db/canary"


def test_a_destination_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_ALERT__DESTINATIONS__OPS__KIND", "slack")
    monkeypatch.setenv("CANARY_ALERT__DESTINATIONS__OPS__URL", "https://hooks.example/x")
    assert load_settings(None, {}).alert.destinations["ops"].kind == "slack"


def test_all_faults_are_reported_at_once_with_key_value_and_cure(toml: Path) -> None:
    toml.write_text('[smtp]\nport = "x"\nprot = 1\n[alert.destinations.a]\nkind = "fax"\nurl = "ftp://secret"')
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, {"CANARY_SMPT__PORT": "1"})
    lines = str(caught.value).splitlines()
    for told in ("CANARY_SMPT__PORT = '1'", "smtp.port = 'x'", "smtp.prot", "destinations.a.kind = 'fax'", "a.url"):
        assert any(told in line for line in lines), told


def test_a_secret_never_shows_in_a_fault(toml: Path) -> None:
    toml.write_text('[alert.destinations.a]\nkind = "slack"\nurl = "ftp://very-secret"')
    with pytest.raises(SettingsError) as caught:
        load_settings(toml, {})
    assert "very-secret" not in str(caught.value)


def test_a_file_that_is_no_toml_is_one_line(toml: Path) -> None:
    toml.write_text("smtp = [")
    with pytest.raises(SettingsError, match=r"canary.toml.*correct it") as caught:
        load_settings(toml, {})
    assert len(str(caught.value).splitlines()) == 1


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().smtp.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('listen = ["mx:25"]', r"smtp.listen = \['mx:25'\].*not an IP address and port; write 192.0.2.1:25"),
        ('exempt = ["all"]', r"smtp.exempt = \['all'\].*is not an address or network.*; write 192.0.2.1"),
        ('metrics = "/a.sock"', r"smtp.metrics = '/a.sock'.*; write 127.0.0.1:9125"),
        ("processes = 2\nport = 0", r"smtp = .*name the port, or set processes = 1"),
        ('tls_key = "k.pem"', r"smtp = .*tls_key = 'k.pem' has no certificate; set tls_certificate"),
        ('socket_mode = "rw"', r"smtp.socket_mode = 'rw'"),
        ('hostname = "mail\\r\\nx"', r"smtp.hostname = 'mail\\r\\nx'"),
        ("limits.recipients = 0", r"smtp.limits.recipients = 0: Input should be greater"),
    ],
)
def test_a_bad_address_or_limit_is_reported_with_key_value_and_cure(toml: Path, line: str, told: str) -> None:
    toml.write_text(f"[smtp]\n{line}")
    with pytest.raises(SettingsError, match=told):
        load_settings(toml, {})


def destination(toml: Path, **values: str) -> str:
    lines = "\n".join(f"{key} = {value}" for key, value in values.items())
    toml.write_text(f"[alert.destinations.a]\n{lines}")
    try:
        load_settings(toml, {})
    except SettingsError as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize(
    ("kind", "url"),
    [("syslog", "https://siem.example"), ("slack", "tls://x"), ("apprise", "nothing"), ("webhook", "https://")],
)
def test_a_destination_whose_address_does_not_fit_its_kind_is_refused(toml: Path, kind: str, url: str) -> None:
    told = destination(toml, kind=f'"{kind}"', url=f'"{url}"')
    assert told.startswith("alert.destinations.a.url = (hidden): ")
    assert "must begin with" in told


def test_a_destination_cannot_ask_for_facts_that_there_are_not(toml: Path) -> None:
    told = destination(toml, kind='"slack"', url='"https://x"', kinds='["party"]', verdicts='["fine"]')
    assert "no such kind of fact: party; there are case-opened" in told
    assert "verdicts" in told


@pytest.mark.parametrize(("kind", "mode"), [("slack", "immediate"), ("webhook", "every"), ("ntfy", "immediate")])
def test_people_get_topics_and_programs_get_facts(toml: Path, kind: str, mode: str) -> None:
    assert destination(toml, kind=f'"{kind}"', url='"https://x"') == ""
    assert load_settings(toml, {}).alert.destinations["a"].when == mode


def test_the_page_on_alerts_and_the_channels_name_every_kind() -> None:
    page = (EXAMPLE.parents[1] / "docs/alerts.md").read_text()
    kinds = get_args(Destination.model_fields["kind"].annotation)
    assert set(kinds) == set(CHANNELS)
    assert [kind for kind in (*kinds, *SEVERITY, *Mode) if f"`{kind}`" not in page and kind != "test"] == []


def test_the_defaults_of_attribution_are_those_of_the_likelihood() -> None:
    assert Settings().attribution.rates == RATES


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("coverage = [[1.0, 1.0]]", "coverage"),
        ("delays = [[7, 0]]", "delays"),
        ("third_party = [0, 1]", "third_party"),
        ("vendor = -1", "attribution.vendor"),
        ("vender = 1", "attribution.vender"),
    ],
)
def test_an_impossible_assumption_is_reported_with_key_and_value(toml: Path, line: str, told: str) -> None:
    toml.write_text(f"[attribution]\n{line}\n")
    with pytest.raises(SettingsError, match=told):
        load_settings(toml, {})


def test_a_secret_under_a_wrong_name_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {"CANARY_ALRT__DESTINATIONS__OPS__URL": "https://hooks.example/T0ken"})
    assert "CANARY_ALRT__DESTINATIONS__OPS__URL = (hidden): no such setting" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('proxies = ["my-proxy"]', r"web.proxies = \['my-proxy'\].*is not an address or network.*; write 192.0.2.1"),
        ('url = "canary.example"', r"web.url = \(hidden\).*must begin with https:// or http:// and a name, such as"),
        ("header_seconds = 0", r"web.header_seconds = 0: Input should be greater"),
    ],
)
def test_a_bad_setting_of_the_dashboard_is_reported_with_its_cure(toml: Path, line: str, told: str) -> None:
    toml.write_text(f"[web]\n{line}")
    with pytest.raises(SettingsError, match=told):
        load_settings(toml, {})

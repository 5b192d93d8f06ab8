"""The settings of the HTTP inlets: what is wrong is named with its cure, secrets never, and only what is set is served."""

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from canary.inlets.http.post_counts import PostCounts
from canary.inlets.http.posted_mail import PostRefused
from canary.processes.ingest_process import service_paths
from canary.processes.mailbox_health import lasting_problems, open_ledger
from canary.processes.roles import all_roles
from canary.settings import Arranged, Settings, SettingsError, load_settings
from tests.ingest import NOW, SETTINGS, TOPIC, public_key

GOOD = {name: value for name, value in SETTINGS.items() if name != "port"}

BAD = {
    "a secret that is no key": ("raw", {"secrets": ["whsec_not base64!"]}, "base64 key after whsec_"),
    "no secret": ("raw", {"secrets": []}, "at least 1"),
    "a short secret": ("mailgun", {"secrets": ["short"]}, "generate a new one"),
    "a topic of another form": ("ses", {"topics": ["canary"]}, "arn:aws:sns:"),
    "no topic": ("ses", {"topics": []}, "at least 1"),
    "half a key of AWS": ("ses", {"topics": [TOPIC], "access_key": "AKIA"}, "belong together"),
    "a public key that is none": ("sendgrid", {"public_key": "abc"}, "as SendGrid shows it"),
    "a short password": ("postmark", {"password": "short"}, "at least 16"),
    "a colon in the name": ("postmark", {"user": "a:b", "password": "p" * 20}, "pattern"),
    "a key that is not known": ("stalwart", {"password": "p" * 20, "passwort": "x"}, "passwort"),
}


def written(folder: Path, **services: object) -> Path:
    lines = ["[ingest]"]
    for name, value in services.items():
        inline = ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items())  # type: ignore[attr-defined]
        lines.append(f"{name} = {{ {inline} }}")
    path = folder / "canary.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("case", BAD)
def test_a_bad_value_is_one_line_with_the_key_and_the_cure(tmp_path: Path, case: str) -> None:
    service, value, cure = BAD[case]
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, **{service: value}), {})
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"ingest.{service}")
    assert cure in line


def test_a_bad_secret_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, raw={"secrets": ["whsec_half a secret"]}), {})
    assert "half a secret" not in str(caught.value)


def test_no_secret_of_a_section_is_shown_where_something_else_in_it_is_wrong(tmp_path: Path) -> None:
    values = {"topics": [TOPIC], "secret_key": "a-secret-of-some-length"}
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, ses=values), {})
    assert str(caught.value) == (
        "ingest.ses = (hidden): Value error, access_key and secret_key belong together; set both, or neither where mail"
        " is not in S3"
    )


def test_every_service_can_be_set_and_no_secret_is_in_any_text(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, **GOOD), {})
    hidden = settings.ingest.hidden
    assert {secret for value in GOOD.values() for secret in value.get("secrets", ())} <= set(hidden)
    assert [secret for secret in hidden if secret in repr(settings)] == []
    assert all(secret not in settings.mask(f"a line with {secret} in it") for secret in hidden)
    assert settings.has_secrets
    assert len(settings.ingest.services) == len(GOOD)


def test_how_it_goes_with_a_service_is_noted_under_the_name_that_is_asked_for(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, **GOOD), {})
    assert tuple(service_paths(settings)) == settings.ingest.labels


def test_a_service_in_trouble_for_long_or_one_that_nobody_serves_is_a_problem(tmp_path: Path) -> None:
    settings = Arranged.model_validate({"data": tmp_path, "ingest": {"mailgun": GOOD["mailgun"]}})
    counts = PostCounts(("mailgun",))
    with closing(open_ledger(settings)) as ledger:
        counts.write(ledger, NOW)
        assert lasting_problems(settings, NOW) == {}
        found = lasting_problems(settings, NOW + timedelta(minutes=20))
        assert "is `canary up` running?" in found["inlet ingest/mailgun"]
        counts.refuse("mailgun", PostRefused(503, "no whole mail"))
        counts.write(ledger, NOW + timedelta(minutes=21))
    assert lasting_problems(settings, NOW + timedelta(minutes=40)) == {
        "inlet ingest/mailgun": "The inlet ingest/mailgun does not work: no whole mail"
    }


def test_the_inlets_run_where_a_service_is_set_and_else_not(tmp_path: Path) -> None:
    assert "ingest" not in all_roles(Settings())
    assert "ingest" in all_roles(load_settings(written(tmp_path, sendgrid={"public_key": public_key()}), {}))


def test_a_password_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("a-password-of-a-file\n")
    monkeypatch.setenv("CANARY_INGEST__POSTMARK__PASSWORD_FILE", str(tmp_path / "password"))
    assert load_settings(None, {}).ingest.hidden == ("a-password-of-a-file",)

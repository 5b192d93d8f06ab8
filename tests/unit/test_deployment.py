"""What is deployed is confined, and is asked for its health without being sent anything."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from canary.model.networks import read_networks
from canary.settings import load_settings
from tests.website import serve

ROOT = Path(__file__).parents[2]
LIMIT = 2.5


def health_check() -> list[str]:
    """The command of the image's health check."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    [command] = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", text, re.MULTILINE)
    found: list[str] = json.loads(command)
    return found


def test_the_service_is_exposed_to_little() -> None:
    if not (program := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not on this machine; install systemd to run this test")
    command = [program, "security", "--offline=true", "--no-pager", str(ROOT / "deploy/canary.service")]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    [score] = re.findall(r"Overall exposure level for canary.service: ([\d.]+)", told)
    assert float(score) <= LIMIT, told


def test_the_container_has_limits_on_memory_and_processes_and_no_privileges() -> None:
    service = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["canary"]
    assert service["mem_limit"] == service["memswap_limit"] == "1536m"
    assert service["pids_limit"] <= 512
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def test_the_parts_of_a_node_have_the_same_limits_and_one_role_each() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose.nodes.yaml").read_text())["services"]
    alone = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["canary"]
    parts = {name: service for name, service in services.items() if name != "db"}
    assert [part["command"] for part in parts.values()] == [["canary", role] for role in ("smtp", "worker", "web")]
    for part in parts.values():
        for limit in ("read_only", "cap_drop", "security_opt", "mem_limit", "memswap_limit", "pids_limit"):
            assert part[limit] == alone[limit]
        assert part["environment"]["CANARY_STORE__URL"].startswith("postgresql+psycopg://")


def test_the_health_check_of_the_image_asks_the_dashboard_and_sends_no_mail(tmp_path: Path) -> None:
    program, *arguments = health_check()
    assert program == "python"
    with serve(tmp_path) as site:
        port = {"CANARY_WEB__PORT": site.url.rpartition(":")[2]}
        done = subprocess.run([sys.executable, *arguments], env={**os.environ, **port}, timeout=60, check=False)
        assert done.returncode == 0
    nobody = {"CANARY_WEB__PORT": "9"}
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **nobody}, capture_output=True, timeout=60, check=False
    )
    assert done.returncode != 0


def test_a_proxy_on_the_machine_of_the_container_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    service = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]["canary"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    believed = read_networks(load_settings(None, dict(service["environment"])).web.proxies)
    assert believed("172.18.0.1")
    assert not believed("203.0.113.9")
    # So far as nobody but this machine reaches the dashboard.
    assert [port for port in service["ports"] if port.endswith(":8025")] == ["127.0.0.1:8025:8025"]

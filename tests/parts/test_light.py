"""Each process loads what its role needs, and nothing else that is large."""

import subprocess
import sys

import pytest

from tests.processes import ROOT

WEB = ("fastapi", "starlette", "uvicorn", "jinja2", "multipart", "nh3")
COMMAND_LINE = ("typer", "rich", "canary.cli")
LARGE = ("numpy", "httpx", "alembic", "dns", "aiosmtpd")
STORE = ("sqlalchemy.orm", "sqlmodel", "canary.store.tables")
WORK = ("apscheduler", "canary.pipeline", "canary.attribute.inference")

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # each role is a process of its own

ROLES = {
    "supervisor": (*WEB, *COMMAND_LINE, *LARGE, *STORE, *WORK, "sqlalchemy", "pydantic", "asyncio", "canary.settings"),
    "smtp_process": (*WEB, *COMMAND_LINE, *(set(LARGE) - {"aiosmtpd"}), *STORE, *WORK),
    "worker": (*WEB, *COMMAND_LINE, *LARGE),
    "web_process": (*COMMAND_LINE, *LARGE, *WORK),
}


@pytest.mark.parametrize("module", ROLES)
def test_a_process_loads_only_what_its_role_needs(module: str) -> None:
    script = f"import sys, canary.processes.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert f"canary.processes.{module}" in loaded
    assert loaded.intersection(ROLES[module]) == set()

"""The steps of docs/set-up.md: each is run as far as this machine allows, checked without running, or named as not run.

    python -m tests.set_up_steps

runs them in a folder of their own, which takes minutes and a package index, and prints what became of each.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.patience import PATIENCE
from tests.processes import ROOT

INSTALL_SECONDS = 600.0


@dataclass
class Trial:
    """A folder in which steps are run: the home of a newcomer, and what takes the place of folders of the system."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = {
            name: value
            for name, value in os.environ.items()
            if re.match(r"UV_|PIP_|SSL_|\w+_PROXY$", name, re.IGNORECASE)
        }
        there = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        self.environ = {**index, **there, **self.environ}

    @property
    def source(self) -> Path:
        """A copy of what a newcomer has: the source, and nothing that was made from it."""
        there = self.folder / "source"
        if not there.exists():
            left = shutil.ignore_patterns(".git", ".venv", ".uv", ".peers", "data", "tests", "__pycache__", ".*_cache")
            shutil.copytree(ROOT, there, ignore=left)
        return there

    def run(self, command: str, **environ: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", command], cwd=self.source, env={**self.environ, **environ}, capture_output=True, text=True,
            timeout=INSTALL_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
        return done.stdout

    @contextmanager
    def up(self, command: str, **environ: str) -> Iterator[str]:
        """Run `canary up` where nothing is set up, until its link is in the file that it names; yield that file."""
        ports = {"CANARY_SMTP__PORT": "0", "CANARY_WEB__PORT": "0"}
        with subprocess.Popen(
            shlex.split(command), cwd=self.folder, env={**self.environ, **ports, **environ}, stderr=subprocess.PIPE, text=True
        ) as process:  # fmt: skip
            given_up = threading.Timer(PATIENCE, process.kill)
            given_up.start()
            try:
                assert process.stderr
                line = process.stderr.readline()
                assert line.startswith("Canary is not set up yet."), line
                yield line.strip().rpartition(" ")[2]
            finally:
                given_up.cancel()
                process.terminate()


def in_virtual_environment(trial: Trial, step: str) -> None:
    trial.run(step)


def first_run(trial: Trial, step: str) -> None:
    with trial.up(step.replace("~", str(trial.folder)), CANARY_DATA=str(trial.folder / "data")) as file:
        assert "/first-run/" in Path(file).read_text()


def image(trial: Trial, _: str) -> None:
    """Do what the image's steps do, without root: its packages into a fresh environment, and its command with its settings."""
    uv = next(line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("RUN uv sync"))
    virtual = {"UV_PROJECT_ENVIRONMENT": str(trial.folder / "image")}
    trial.run("python3 -m venv ~/uv && ~/uv/bin/pip install -q uv==0.13.9")
    trial.run(f"~/uv/bin/{uv.removeprefix('RUN ')}", **virtual)
    given = {name: value.replace("/data", str(trial.folder / "volume")) for name, value in image_settings().items()}
    with trial.up(f"{trial.folder}/image/bin/canary up", **given) as file:
        assert file == f"{trial.folder}/volume/first-run.link"
        assert "http://127.0.0.1:" in Path(file).read_text()


def image_settings() -> dict[str, str]:
    """The settings of the image, without its path."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    return {name: value for name, value in re.findall(r"(CANARY_\w+)=(\S+)", text) if not name.endswith("WEB__PORT")}


def installed_for_all(trial: Trial, step: str) -> None:
    trial.run(step.removeprefix("sudo ").replace("/opt/", f"{trial.folder}/opt/"))


def link_made(trial: Trial, step: str) -> None:
    (trial.folder / "usr/local/bin").mkdir(parents=True)
    trial.run(re.sub(r" /(opt|usr)/", rf" {trial.folder}/\1/", step.removeprefix("sudo ")))


def units(trial: Trial, _: str) -> None:
    """Let systemd read the units, with the program where this trial has it, and run what they run with their settings."""
    program = str(trial.folder / "usr/local/bin/canary")
    for name in ("canary.service", "canary.socket"):
        unit = (ROOT / "deploy" / name).read_text().replace("/usr/local/bin/canary", program)
        (trial.folder / name).write_text(unit)
    if shutil.which("systemd-analyze"):
        trial.run("systemd-analyze verify ~/canary.service ~/canary.socket")
    given = re.findall(r"(CANARY_\w+)=(\S+)", (ROOT / "deploy/canary.service").read_text())
    state = {name: value.replace("/var/lib/canary", str(trial.folder / "state")) for name, value in given}
    with trial.up(f"{program} up", **state) as file:
        assert file == f"{trial.folder}/state/first-run.link"


def init(trial: Trial, step: str) -> None:
    there = f"{trial.folder}/canary/bin:{trial.environ['PATH']}"
    trial.run(step.replace("PASSWORD=...", "PASSWORD='correct horse battery'"), PATH=there)


DOCKER, ROOT_NEEDED, GIT = "needs Docker", "changes the system", "needs a repository to fetch from"
STEPS: Mapping[str, Callable[[Trial, str], None] | str] = {
    "sudo apt-get install -y python3-venv": ROOT_NEEDED,
    "python3 -m venv ~/canary": in_virtual_environment,
    "~/canary/bin/pip install .": in_virtual_environment,
    "~/canary/bin/canary up": first_run,
    "docker compose -f deploy/compose.yaml up -d --build": image,
    "docker compose -f deploy/compose.yaml exec canary cat /data/first-run.link": DOCKER,
    "docker compose -f deploy/compose.yaml exec canary canary doctor": DOCKER,
    "git pull": GIT,
    "sudo python3 -m venv /opt/canary": installed_for_all,
    "sudo /opt/canary/bin/pip install .": installed_for_all,
    "sudo ln -sf /opt/canary/bin/canary /usr/local/bin/canary": link_made,
    "sudo useradd --system --home-dir /var/lib/canary --shell /usr/sbin/nologin canary": ROOT_NEEDED,
    "sudo cp deploy/canary.service deploy/canary.socket /etc/systemd/system/": units,
    "sudo systemctl daemon-reload": ROOT_NEEDED,
    "sudo systemctl enable --now canary.socket canary.service": ROOT_NEEDED,
    "sudo cat /var/lib/canary/first-run.link": ROOT_NEEDED,
    "sudo -u canary CANARY_DATA=/var/lib/canary canary doctor": ROOT_NEEDED,
    "sudo systemctl restart canary.service": ROOT_NEEDED,
    "CANARY_PASSWORD=... canary init --domain inbox.example --admin ada": init,
}
"""How each step is run here, or why it is not."""


def steps() -> list[str]:
    """Return the commands of the page in their order, each once."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/set-up.md").read_text(), re.MULTILINE | re.DOTALL)
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if line))


def main() -> None:
    """Run all steps in their order and print what became of each."""
    wrong = 0
    with TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        for step in steps():
            how = STEPS[step]
            if isinstance(how, str):
                print(f"{step}\n    not run: {how}", flush=True)
                continue
            try:
                how(trial, step)
                became = f"run ({how.__name__})"
            except (AssertionError, OSError, subprocess.SubprocessError) as fault:
                became, wrong = f"FAILED: {fault}", wrong + 1
            print(f"{step}\n    {became}", flush=True)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()

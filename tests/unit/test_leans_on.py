"""What is private in aiosmtpd and used all the same: named in one list, and all of it there."""

import ast
import asyncio
import importlib.metadata
import tomllib

import pytest
from aiosmtpd.smtp import SMTP

from canary.smtp import connection
from tests.house import PACKAGE, ROOT, tree

MODULES = [PACKAGE / "smtp" / name for name in ("connection.py", "session.py", "lmtp.py", "handler.py")]


def private_names_there() -> set[str]:
    """The private attributes of a session of aiosmtpd, less those of asyncio's own protocol."""
    loop = asyncio.new_event_loop()
    try:
        made = SMTP(object(), hostname="x", loop=loop)
        made._cb_client_connected(None, None)  # type: ignore[arg-type]
        names = {*dir(made), *SMTP.__annotations__} - set(dir(asyncio.StreamReaderProtocol(None, loop=loop)))  # type: ignore[arg-type]
    finally:
        loop.close()
    return {name for name in names if name.startswith("_") and not name.endswith("__")}


def private_names_here() -> set[str]:
    """Every private attribute that our sessions use or define."""
    nodes = [node for path in MODULES for node in ast.walk(tree(path))]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.id for node in nodes if isinstance(node, ast.Name)}
    return {
        name
        for name in used | {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
        if name[0] == "_"
    }


@pytest.mark.parametrize("name", connection.LEANS_ON)
def test_a_private_name_that_we_lean_on_is_there(name: str) -> None:
    assert name in private_names_there()


def test_the_list_has_every_private_name_that_we_lean_on_and_no_other() -> None:
    assert private_names_here() & private_names_there() == set(connection.LEANS_ON)


def test_the_release_that_is_installed_is_one_that_was_tried() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert "aiosmtpd>=1.4.6,<1.5" in wanted
    assert importlib.metadata.version("aiosmtpd").startswith("1.4.")

"""The rules of the house that no linter knows."""

import ast
import builtins
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import canary
from canary.store.tables import CaseRow, HitRow, MailRow, StatementRow
from tests import house

ROOT = Path(__file__).parents[2]
MODULES = sorted(f for f in (ROOT / "canary").rglob("*.py") if "migrations" not in f.parts)
TEMPLATES = sorted((ROOT / "canary/web/templates").rglob("*.html"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_function_body_is_longer_than_50_lines(path: Path) -> None:
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, FUNCTIONS)]
    assert {n.name: body_lines(n) for n in functions if body_lines(n) > 50} == {}


def test_no_folder_or_module_is_a_junk_drawer() -> None:
    assert not [p for p in MODULES if re.search(r"(utils?|helpers?|common|misc|manager|service)", p.stem)]


@pytest.mark.slow
def test_importing_every_module_opens_no_socket_and_reads_no_environment() -> None:
    names = [m.name for m in pkgutil.walk_packages(canary.__path__, "canary.") if ".migrations" not in m.name]
    script = (
        "import sys, importlib\n"
        "def watch(event, args):\n"
        "    if event in ('socket.connect', 'socket.bind', 'sqlite3.connect'): raise SystemExit(event)\n"
        "sys.addaudithook(watch)\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env={}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_flow_page_names_every_folder_and_stays_short() -> None:
    page = (ROOT / "docs/flow.md").read_text()
    folders = [p.name for p in (ROOT / "canary").iterdir() if p.is_dir() and not p.name.startswith("_")]
    assert [f for f in folders if not re.search(rf"\b{f}\b", page)] == []
    assert len(page.splitlines()) <= 80


def test_the_flow_page_has_the_stages_in_the_order_of_the_pipeline() -> None:
    page = (ROOT / "docs/flow.md").read_text()
    told = re.findall(r"^\d\. \*(\w+)\*", page, re.MULTILINE)
    passed = re.findall(r'on_stage\("(\w+)"\)', (ROOT / "canary/pipeline/story.py").read_text())
    assert told == [stage for stage in dict.fromkeys(told) if stage in passed]
    story = (importlib.import_module("canary.pipeline.story").__doc__ or "").split("\n\n")[1]
    assert [w for w in re.findall(r"\w+", story) if w in told] == told


def test_the_flow_page_names_only_modules_that_exist() -> None:
    page = (ROOT / "docs/flow.md").read_text()
    named = re.findall(r"`(\w+/\w+)`", page)
    assert [n for n in named if not list((ROOT / "canary").glob(f"{n}*"))] == []


GUIDE = (ROOT / "docs/CONTRIBUTING.md").read_text()


def test_the_guide_for_contributors_is_linked_and_short() -> None:
    assert "(docs/CONTRIBUTING.md)" in (ROOT / "README.md").read_text()
    assert len(GUIDE.splitlines()) <= 150


def test_the_guide_names_only_files_that_exist() -> None:
    named = re.findall(r"`((?:canary|tests|docs|config)/[\w/.<>]+|\.ci/\w+|README\.md|pyproject\.toml)`", GUIDE)
    assert len(named) > 30
    # Of a file that is still to be written, its folder.
    assert [name for name in named if not (ROOT / name.partition("<")[0]).exists()] == []


def test_the_guide_names_only_functions_classes_and_tables_that_exist() -> None:
    code = "\n".join(path.read_text() for folder in ("canary", "tests") for path in (ROOT / folder).rglob("*.py"))
    named = {part for name in re.findall(r"`([A-Za-z_.]+)(?:\(\))?`", GUIDE) for part in name.split(".")}
    names = {name for name in named if "_" in name or name != name.lower()}
    assert len(names) > 30
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", code)) == []


def test_the_guide_lists_the_folders_as_the_import_rules_stack_them() -> None:
    rows = re.findall(r"^\| (`[\w`, ]+`) \| ", GUIDE, re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    stacked = [layer.replace("canary.", "").split(" | ") for layer in contracts[0]["layers"]]
    assert [re.findall(r"\w+", row) for row in rows] == [layer for layer in stacked if layer != ["__main__"]]


STORED = {
    "identity": MailRow, "proofs": MailRow, "envelope": MailRow, "reasons": HitRow, "suspects": CaseRow, "findings": CaseRow,
    "claims": StatementRow,
}  # fmt: skip
"""Facts that rows hold as JSON, each with the row."""


def looks_into_json(node: ast.AST) -> bool:
    """Whether an expression looks into a stored fact by a key, as only JSON has keys: `x.suspects["p"]`, `x.proofs.get(`."""
    match node:
        case ast.Subscript(value=inner, slice=ast.Constant(value=str())):
            while isinstance(inner, ast.Subscript):
                inner = inner.value
        case ast.Attribute(value=inner, attr="get" | "items" | "keys" | "values"):
            pass
        case _:
            return False
    return isinstance(inner, ast.Attribute) and inner.attr in STORED


@pytest.mark.parametrize(
    ("code", "looks"),
    [
        ('case.suspects[0]["name"]', True),
        ('case.findings["window"]', True),
        ('case.findings.get("window")', True),
        ("evidence.suspects[:3]", False),
        ("finding.identity.domain", False),
    ],
)
def test_looking_into_stored_json_is_seen(code: str, looks: bool) -> None:
    assert any(map(looks_into_json, ast.walk(ast.parse(code)))) == looks


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_codec_looks_into_stored_facts(path: Path) -> None:
    if path != ROOT / "canary/store/codec.py":
        tree = ast.parse(path.read_text())
        assert [ast.unparse(node) for node in ast.walk(tree) if looks_into_json(node)] == []


def test_no_template_looks_into_stored_facts() -> None:
    pages = (ROOT / "canary/web/templates").glob("*.html")
    keyed = rf"\.({'|'.join(STORED)})(\[\w+\])?(\.(get|items)\(|\[['\"])"
    assert {page.name: found for page in pages if (found := re.findall(keyed, page.read_text()))} == {}


def test_the_type_checker_lets_nobody_look_into_stored_facts() -> None:
    assert {name: row.__annotations__[name] for name, row in STORED.items()} == dict.fromkeys(STORED, object)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_no_template_line_is_longer_than_140_characters(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > 140] == []


def thresholds(template: str) -> list[str]:
    """What a template decides by a number other than 0 and 1, which tell something from nothing and one from many."""
    expressions = re.findall(r"\{%.*?%\}|\{\{.*?\}\}", template, re.DOTALL)
    named = r'"(?:eq|equalto|ne|lt|lessthan|gt|greaterthan|le|ge)"\s*,\s*(?![01]\b)[\d.]'
    compared = r"(?:[=!<>]=|[<>])\s*(?![01]\b)[\d.]|(?<!\w)(?![01]\b)\d+\s*(?:[=!<>]=|[<>])"
    tested = r"\bis\s+(?:not\s+)?(?:eq|equalto|ne|lt|lessthan|gt|greaterthan|le|ge|sameas)\W+(?![01]\b)[\d.]"
    decimal = r"(?<!\w)\d*\.\d"
    return [
        e for e in expressions
        if re.search(named, e) or re.search(f"{compared}|{tested}|{decimal}", re.sub(r"\"[^\"]*\"|'[^']*'", '""', e))
    ]  # fmt: skip


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_decide_nothing_by_a_number(path: Path) -> None:
    assert thresholds(path.read_text()) == []


@pytest.mark.parametrize(
    "decision",
    [
        "{% if p > .5 %}", "{% if p >= 0.5 %}", "{% if 100 < n %}", "{{ 'a' if n == 3 }}", "{{ n|round(1.5) }}", "{% if x is gt 7 %}",
        '{{ x|selectattr(1, "gt", 0.5) }}', '{{ x|selectattr("n", "gt", 9) }}', "{% if n > 12\n and m %}",
    ],
)  # fmt: skip
def test_a_threshold_in_a_template_is_found(decision: str) -> None:
    assert thresholds(f"<p>{decision}</p>") == [decision]


@pytest.mark.parametrize(
    "plain",
    [
        "{% if n > 1 %}", "{% if n == 0 %}", "{{ s[:120] }}", "{{ f(x, 60, max=1000) }}", "{% if state == '2.5 > 1' %}",
        '{% if a["b3"] == "x" %}', "a > 100 and .5",
    ],
)  # fmt: skip
def test_what_a_template_may_look_at_is_no_threshold(plain: str) -> None:
    assert thresholds(f"<p>{plain}</p>") == []


def test_percentages_are_written_in_one_place() -> None:
    by_hand = [str(p.relative_to(ROOT)) for p in MODULES if re.search(r":[<>^]?\d*\.\d%\}", p.read_text())]
    assert by_hand == ["canary/model/case.py"]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_store_imports_nothing_from_above_it() -> None:
    assert house.store_modules_that_know_more() == []


@pytest.mark.slow
@pytest.mark.everyday
def test_no_class_name_is_used_for_two_things() -> None:
    assert house.class_names_used_twice() == {}


def test_no_function_has_a_name_that_says_nothing() -> None:
    assert house.vague_functions() == []


def test_no_text_uses_a_stilted_word() -> None:
    assert [found for found in house.stilted_words() if not found.startswith(house.STILL_STILTED)] == []


def test_docstrings_name_only_exceptions_that_exist() -> None:
    defined = {node.name for _, node in house.classes()} | set(vars(builtins))
    code = "\n".join(path.read_text() for path in MODULES)
    imported = set(re.findall(r"\b[A-Z]\w+\b", "\n".join(re.findall(r"^from .*|^import .*", code, re.MULTILINE))))
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in MODULES
        for said in re.findall(
            r"\braises? ((?:(?:, | or |, or | and |, and )?`?[A-Z]\w+`?)+)", path.read_text(), re.IGNORECASE
        )
        for name in re.findall(r"[A-Z]\w+", said)
    }
    assert len(named) > 100
    assert sorted(name for name in named if name[1] not in defined | imported) == []


@pytest.mark.slow
@pytest.mark.everyday
def test_no_name_is_dead() -> None:
    assert house.dead_names() == []

"""The shape of the house in figures: `python -m tests.house` prints them, and tests hold those that have to be 0."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "canary"
MODULES = sorted(f for f in PACKAGE.rglob("*.py") if "migrations" not in f.parts)
TEMPLATES = sorted((PACKAGE / "web/templates").glob("*.html"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

VAGUE = frozenset({"tell", "told", "take", "known", "found", "say", "keep"})
"""Names that say nothing of what a function does."""

VAGUE_ALLOWED = frozenset({
    "spool/attempt_buffer.py:take", "spool/spool.py:keep", "spool/spool.py:tell", "spool/spool_file.py:tell",
})  # fmt: skip
"""The spool keeps its names."""

MAY_KNOW_MORE = frozenset({"codec.py", "queries/case_hits.py", "queries/world.py"})
"""Modules of `store/` that turn JSON and rows into facts of attribution."""

FRAMEWORK = frozenset({
    "call_binop", "copy", "do_POST", "emit", "format", "log_message", "main", "main_loop", "model_config", "settings_customise_sources",
    "wrap_str_format",
})  # fmt: skip
"""Names that only a framework or an entry point calls."""


STILTED = re.compile(r"\b(whoever|anew|sees? to it)\b", re.IGNORECASE)
"""Words in whose place plain English has others."""

STILL_STILTED = ()
"""Folders whose words are still to be gone through."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in MODULES:
        yield from ((path, node) for node in ast.walk(tree(path)) if isinstance(node, FUNCTIONS))


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    for path in MODULES:
        yield from ((path, node) for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))


def imports(path: Path) -> set[str]:
    """The parts of the package that a module imports, as `part` or `part.module`."""
    nodes = [n for n in ast.walk(tree(path)) if isinstance(n, ast.ImportFrom) and n.module]
    return {n.module.partition("canary.")[2] for n in nodes if n.module and n.module.startswith("canary.")}


def store_modules_that_know_more() -> list[str]:
    """Modules of `store/` that import what stands above it."""
    above = ("judge", "attribute", "mail")
    found = (p for p in MODULES if p.is_relative_to(PACKAGE / "store"))
    return [
        name
        for p in found
        if (name := str(p.relative_to(PACKAGE / "store"))) not in MAY_KNOW_MORE
        and any(part.split(".")[0] in above for part in imports(p))
    ]


def class_names_used_twice() -> dict[str, list[str]]:
    """Names that stand for classes of two modules."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, node in classes():
        found[node.name].append(str(path.relative_to(PACKAGE)))
    return {name: places for name, places in found.items() if len(places) > 1}


def vague_functions() -> list[str]:
    """Functions whose name is one of the vague ones."""
    named = (f"{path.relative_to(PACKAGE)}:{node.name}" for path, node in functions() if node.name in VAGUE)
    return [name for name in named if name not in VAGUE_ALLOWED]


def one_word_share() -> float:
    """The share of functions whose name is one word; a mirror, not a rule."""
    names = [node.name.strip("_") for _, node in functions() if not node.name.startswith("__")]
    return sum("_" not in name for name in names) / len(names)


def longest_template_line() -> int:
    return max(len(line) for page in TEMPLATES for line in page.read_text().splitlines())


def texts() -> Iterator[Path]:
    """What people read: code, pages and templates, documentation, and examples."""
    for folder in ("canary", "docs", "config"):
        files = (
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".py", ".md", ".html", ".js", ".css", ".toml", ".txt")
        )
        yield from sorted(path for path in files if "vendor" not in path.parts)
    yield from (ROOT / name for name in ("README.md", "CHANGELOG.md", "Makefile"))


def stilted_words() -> list[str]:
    """Where one of the stilted words is used, as file, line and word."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in texts()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for word in STILTED.findall(line)
    ]


def dead_names() -> list[str]:
    """Functions and classes that nothing in the package mentions but their own definition."""
    words: Counter[str] = Counter()
    for path in (*MODULES, *TEMPLATES):
        words.update(re.findall(r"\w+", _without_strings(path)))
    return sorted(f"{path.relative_to(PACKAGE)}:{name}" for path, name in _defined() if words[name] < 2)


def _without_strings(path: Path) -> str:
    """The text of a module without docstrings and comments, which mention without using; of a template, all of it."""
    return (
        path.read_text() if path.suffix == ".html" else ast.unparse(_Undocumented().visit(ast.parse(path.read_text())))
    )


class _Undocumented(ast.NodeTransformer):
    """Drops expressions that are only a string."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        only_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.Expr(ast.Constant(None)) if only_text else node


def _defined() -> Iterator[tuple[Path, str]]:
    """What is defined and has to be used by name; decorators and frameworks use what they are given."""
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.decorator_list:
                continue
            if (
                not node.name.startswith(("__", "visit_"))
                and node.name not in FRAMEWORK
                and not _is_called_by_name(path, node.name)
            ):
                yield path, node.name


def _is_called_by_name(path: Path, name: str) -> bool:
    """Whether a library finds a method by its name."""
    hooks = {
        "web": {"get_response", "on_startup"},
        "smtp": {
            "connection_made",
            "connection_lost",
            "data_received",
            "eof_received",
            "pause_writing",
            "resume_writing",
            "push",
            "readexactly",
            "readuntil",
            "_handle_client",
            "_create_envelope",
            "_reset_timeout",
        },
        "net": {"error_received", "datagram_received", "connection_made", "connection_lost"},
        "processes": {"capture_signals", "startup"},
        "importing": {"readable", "readinto", "fromtarfile"},
    }
    folder = path.relative_to(PACKAGE).parts[0]
    return name in hooks.get(folder, set()) or (folder == "smtp" and name.startswith(("handle_", "smtp_")))


def main() -> None:
    print(f"modules in all:                          {len(MODULES)}")
    print(
        f"modules in store/ that know more:        {len(store_modules_that_know_more())} {store_modules_that_know_more()}"
    )
    print(f"class names used twice:                  {len(class_names_used_twice())} {class_names_used_twice() or ''}")
    print(f"functions with a vague name:             {len(vague_functions())} {vague_functions() or ''}")
    print(f"one-word function names:                 {one_word_share():.0%} (a mirror)")
    print(f"longest template line:                   {longest_template_line()}")
    print(f"stilted words:                           {len(stilted_words())} {stilted_words() or ''}")
    print(f"dead names:                              {len(dead_names())} {dead_names() or ''}")


if __name__ == "__main__":
    main()

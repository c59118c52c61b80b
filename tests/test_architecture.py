"""The shape of the code: layer order, sizes, three trees with one name."""

from __future__ import annotations

import ast
import re
import statistics
import tomllib
from pathlib import Path

import pytest

from minidl_book.data import pages

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "minidl"
LAYERS = tomllib.loads((PACKAGE / "layers.toml").read_text())
ORDER = {
    name: rank
    for rank, layer in enumerate(LAYERS["layer"])
    for name in (layer["name"], *layer.get("also", []))
}
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = ("minidl", "tools", "tests", "book/_ext")
NO_MODULE = ("stack", "step", "index", "hello", "primers", "howto", "reference", "review")
NO_MODULE += ("appendix",)
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION, P95_FUNCTION = 400, 60, 8, 30


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> set[str]:
    """Every module of minidl that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("minidl.")}


def upward(name: str, source: str) -> list[str]:
    """The imports of a module that reach into a later layer."""
    own = ORDER[name.split(".")[1]]
    reached = {m: ORDER.get(m.split(".")[1]) for m in imported(ast.parse(source))}
    return sorted(m for m, rank in reached.items() if rank is not None and rank > own)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_imports_only_from_layers_above(path):
    name = module_name(path)
    if name in LAYERS["exempt"]:
        return
    assert name.split(".")[1] in ORDER, f"{name} belongs to no layer of layers.toml"
    assert upward(name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from minidl.xla import jit",
        "def f():\n    import minidl.xla.passes",
        "from minidl import xla",
    ],
)
def test_an_upward_import_is_found_wherever_it_stands(source):
    assert upward("minidl.ir.mlir.core", source)
    assert upward("minidl.viz.stack_explorer", source) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_are_absolute_and_named(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            assert all(alias.name != "*" for alias in node.names), "star import"


def test_contents_follow_the_layers():
    """Chapters of layers appear in `_toc.yml` in the order of the layers."""
    ranks = [ORDER[page.split("/")[0]] for page in pages() if page.split("/")[0] in ORDER]
    assert ranks == sorted(ranks)


def one_row_a_line(tree: ast.Module) -> bool:
    """Whether most of a file is one table: it may be longer than a chapter."""
    tables = [n for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign)]
    table_lines = sum(n.end_lineno - n.lineno + 1 for n in tables)
    return table_lines > 0.6 * max(1, tree.body[-1].end_lineno)


def sources() -> list[Path]:
    return sorted(p for tree in TREES for p in (ROOT / tree).rglob("*.py"))


@pytest.mark.parametrize("path", sources(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_file_fits_in_a_chapter(path):
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    assert lines <= LONGEST_FILE or one_row_a_line(ast.parse(text)), f"{lines} lines"


def functions() -> list[tuple[str, int]]:
    """(where, lines without docstring) of every function in minidl."""
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                doc = node.body[0] if ast.get_docstring(node) else None
                skip = doc.end_lineno - doc.lineno + 1 if doc else 0
                length = node.end_lineno - node.lineno + 1 - skip
                found.append((f"{module_name(path)}.{node.name}", length))
    return found


def test_functions_are_small():
    sizes = functions()
    assert [f"{name}: {n} lines" for name, n in sizes if n > LONGEST_FUNCTION] == []
    lengths = sorted(n for _, n in sizes)
    assert statistics.median(lengths) <= MEDIAN_FUNCTION
    assert lengths[int(0.95 * len(lengths))] <= P95_FUNCTION


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_says_what_it_is_and_which_chapter(path):
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert doc, "no module docstring"
    if path.name not in ("__init__.py", "__main__.py"):
        assert re.search(r"^Chapter:", doc, re.M), "no `Chapter:` line"


def chapters() -> list[str]:
    """Pages that explain a module of their own."""
    return [page for page in pages() if page.split("/")[0] not in NO_MODULE]


def test_each_chapter_has_its_module_and_its_tests():
    for page in chapters():
        module = PACKAGE / page
        tests = ROOT / "tests" / Path(page).parent
        assert module.is_dir() or module.with_suffix(".py").exists(), page
        name = f"test_{Path(page).name}"
        assert (tests / f"{name}.py").exists() or (ROOT / "tests" / page).is_dir(), page


def test_every_notebook_stands_in_the_contents_and_the_reverse():
    listed = set(pages())
    stored = {
        p.relative_to(ROOT / "book").with_suffix("").as_posix()
        for p in (ROOT / "book").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in p.parts
    }
    assert stored <= listed, "a notebook that no reader finds"
    for page in listed:
        assert any((ROOT / "book" / (page + s)).exists() for s in (".ipynb", ".md")), page


def test_no_script_runs_inside_the_package():
    """`minidl/numpy` would shadow NumPy for a script started there."""
    for path in MODULES:
        if path.name != "__main__.py":
            assert 'if __name__ == "__main__"' not in path.read_text(encoding="utf-8"), path


FORBIDDEN = {
    r"os\.environ|os\.getenv": "environment variables are no switches",
    r"^\s*(import|from) (pickle|requests|urllib|http|socket)\b": "no pickles, no network",
    r"\b(TODO|FIXME|XXX)\b": "a gap is a sentence in the book",
}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_package_has_no_hidden_input(path):
    text = path.read_text(encoding="utf-8")
    for pattern, reason in FORBIDDEN.items():
        assert not re.search(pattern, text, re.M), reason


def test_engine_never_imports_its_oracles():
    for path in MODULES:
        assert not re.search(
            r"^\s*(import|from) (jax|torch|triton|wasmtime)\b", path.read_text(), re.M
        )

"""Before and after, one file a pass; the option --update-golden rewrites them.

A golden file holds cases, each `// case: name`, a module, `// becomes`, a module.  In the
files of patterns the case's name is the pattern's, and that pattern must have fired.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from minidl import ir
from minidl.core import step
from minidl.ir.chlo.decompose import decompose
from minidl.ir.mlir import types as T
from minidl.ir.rewriting import cse, dce, fold, greedy, inline, patterns, refine
from minidl.xla.passes import contraction, optimize
from minidl.xla.passes.maps import widen
from tests.ir import jaxlib_mlir as mlir

FOLDER = Path(__file__).resolve().parents[2] / "golden"
TABLES = {**patterns.TABLES, "contraction": contraction}


def refined(module):
    """`?` becomes 5."""
    types = [
        T.tensor([n or 5 for n in v.type.shape], v.type.element) for v in module.main.body.args
    ]
    return dce(refine(types)(module))


PASSES = {
    "inline": inline,
    "dce": dce,
    "cse": cse,
    "fold": fold,
    "refine": refined,
    "widen": widen,
    "decompose": decompose,
    "optimize": optimize,
    **{name: greedy(name, "", table.PATTERNS) for name, table in TABLES.items()},
}


def cases(name: str) -> list[tuple[str, str, str]]:
    """(name, before, after) of each case of a file."""
    out = []
    for part in (FOLDER / f"{name}.mlir").read_text(encoding="utf-8").split("// case: ")[1:]:
        title, _, rest = part.partition("\n")
        before, _, after = rest.partition("// becomes\n")
        out.append((title.strip(), before, after.rstrip("\n")))
    return out


def write(name: str, rows: list[tuple[str, str, str]]) -> None:
    text = "".join(f"// case: {t}\n{b}// becomes\n{a}\n\n" for t, b, a in rows)
    (FOLDER / f"{name}.mlir").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", PASSES)
def test_before_and_after(name, request):
    rows = cases(name)
    made = [(title, b, str(PASSES[name](ir.parse(b))).rstrip()) for title, b, _ in rows]
    if request.config.getoption("--update-golden"):
        write(name, made)
    for (title, _, want), (_, _, got) in zip(rows, made, strict=True):
        assert got == want, f"{name}: {title}"


@pytest.mark.parametrize("name", TABLES)
def test_each_pattern_has_a_case_in_which_it_fires(name):
    fired = set()
    for title, before, _ in cases(name):
        with step.record() as steps:
            PASSES[name](ir.parse(before))
        assert any(s.title.startswith(f"{title}: ") for s in steps), f"{title} did not fire"
        fired.add(title)
    assert fired == {p.name for p in TABLES[name].PATTERNS}


@pytest.mark.parametrize("name", PASSES)
def test_mlir_accepts_both_sides(name):
    for title, before, after in cases(name):
        assert mlir.refusal(before) is None, title
        assert mlir.refusal(after) is None, title

"""The script and the style sheet: joined from their sources, typed, readable colours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from minidl.viz import assets, check
from tests.viz import samples

MAX_JS_LINES = 400


def test_joined_files_are_their_sources():
    assert assets.script() == assets.joined_script(), "run assets.write()"
    assert assets.stylesheet() == assets.joined_style(), "run assets.write()"


def test_every_source_is_joined_once():
    stored = {p.stem for p in (assets.HERE / "js").glob("*.js")}
    assert sorted(assets.SCRIPTS) == sorted(stored)


@pytest.mark.parametrize("name", assets.SCRIPTS)
def test_script_is_small_classic_and_without_markup(name):
    text = (assets.HERE / "js" / f"{name}.js").read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_JS_LINES
    assert text.startswith("/**\n * "), "no word on what it is"
    for unsafe in ("innerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in text
    assert not re.search(r"^\s*(import|export)\b", text, re.M), "no modules: they fail on file://"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_style_sheet_asks_for_nothing():
    assert "url(" not in assets.stylesheet() and "@import" not in assets.stylesheet()


def compiler() -> list[str] | None:
    """TypeScript's checker, where node has one: on the path, or in this checkout."""
    if shutil.which("tsc"):
        return ["tsc"]
    local = Path(__file__).resolve().parents[2] / "node_modules" / "typescript" / "bin" / "tsc"
    return ["node", str(local)] if shutil.which("node") and local.exists() else None


def test_types_of_the_script_hold():
    tsc = compiler()
    if tsc is None:
        pytest.skip("no TypeScript compiler found; `npm install typescript` brings one")
    config = assets.HERE / "js" / "tsconfig.json"
    done = subprocess.run([*tsc, "-p", str(config)], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def in_node(expression: str, given: object) -> object:
    """An expression over `minidl` and `given`, evaluated by node."""
    if not shutil.which("node"):
        pytest.skip("no node found; the browser tests run the same script")
    shell = (
        "const fs = require('fs');"
        "globalThis.window = globalThis; globalThis.addEventListener = () => {};"
        "globalThis.document = { readyState: 'loading', addEventListener() {} };"
        "const [js, given] = JSON.parse(fs.readFileSync(0, 'utf8')); eval(js);"
        f"process.stdout.write(JSON.stringify({expression}));"
    )
    text = json.dumps([assets.script(), given])
    done = subprocess.run(["node", "-e", shell], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("widget", samples.everything()[:4], ids=repr)
def test_script_decodes_what_python_packed(widget):
    packed = check.payloads(widget.html)[0]["frames"]
    assert in_node("minidl.decodeFrames(given)", packed) == widget.frames


def test_script_decodes_random_runs_as_python_does():
    import random

    from minidl.viz import codec

    rng = random.Random(3)

    def value(depth):
        kind = rng.randrange(5 if depth else 3)
        if kind < 3:
            return rng.choice([None, 0, 1, "a", "~b", "long text " * 3, "~~", ""])
        if kind == 3:
            return [value(depth - 1) for _ in range(rng.randrange(5))]
        return {k: value(depth - 1) for k in rng.sample("abc=", rng.randrange(4))}

    runs = [[{"x": value(3)} for _ in range(12)] for _ in range(40)]
    packed = [codec.encode(run, key_every=5) for run in runs]
    assert in_node("given.map(minidl.decodeFrames)", packed) == runs


def test_tokens_joined_are_the_line():
    lines = [
        *samples.MLIR.splitlines(),
        *samples.REDUCE.splitlines(),
        "fma.rn.f32 %f3, %f1, 0f3F800000;",
    ]
    lines += [
        "  %5 = fadd <8 x float> %3, %4, !dbg !12 ; sum",
        "vmovups ymm2, [rdi + 4*rax] # load",
    ]
    langs = ["mlir", "llvm", "asm", "ptx", "python", "text"]
    joined = "given[0].map(l => given[1].map(g => minidl.tokens(l, g).map(t => t[1]).join('')))"
    assert in_node(joined, [lines, langs]) == [[line] * len(langs) for line in lines]


def test_tokens_find_their_roles():
    roles = "minidl.tokens(given[0], given[1]).filter(t => t[0]).map(t => t.join(' '))"
    found = in_node(roles, ["%1 = stablehlo.add %0, %b : tensor<8xf32> // sum", "mlir"])
    assert found == [
        "v %1", "k stablehlo.add", "v %0", "v %b", "t tensor", "n 8", "t x", "t f32", "c // sum"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("24", 24),
        ("1,024", 1024),
        ("1 024 B", 1024),
        ("3/4", 0.75),
        ("2^10", 1024),
        ("-1.5e3", -1500),
    ],
)
def test_numbers_are_read_as_people_write_them(text, value):
    assert in_node("minidl.readNumber(given)", text) == value


@pytest.mark.parametrize("text", ["", "many", "x4"])
def test_what_is_no_number_is_none(text):
    assert in_node("Number.isNaN(minidl.readNumber(given))", text) is True


def palettes() -> dict[str, dict[str, str]]:
    css = (assets.HERE / "css" / "1-colours.css").read_text(encoding="utf-8")
    light, dark, media = re.findall(r"\{((?:\s*--mdl-[^{}]+)+)\}", css)
    read = [dict(re.findall(r"--mdl-([\w-]+):\s*(#\w{6})", part)) for part in (light, dark, media)]
    assert read[1] == read[2], "the two dark palettes differ"
    return {"light": read[0], "dark": read[1]}


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_by_four_and_a_half_to_one(theme):
    p = palettes()[theme]
    grounds = ["bg", "surface", "cur-bg", "chg-bg", "ref-bg", "rest"]
    inks = ["fg", "t-k", "t-t", "t-n", "t-c", "t-a", "t-v", "t-s"]
    pairs = [(ink, ground) for ink in inks for ground in grounds]
    pairs += [
        (ink, g) for ink in ("dim", "good", "bad", "cur", "chg", "ref") for g in ("bg", "surface")
    ]
    pairs += [("cur", "cur-bg"), ("chg", "chg-bg"), ("ref", "ref-bg")]
    weak = [(i, g, round(contrast(p[i], p[g]), 2)) for i, g in pairs if contrast(p[i], p[g]) < 4.5]
    assert weak == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_on_a_full_cell_stands_out(theme):
    p = palettes()[theme]
    for hue in ("pos", "neg"):
        assert contrast(p["fg"], p[hue]) >= 4.5


def test_contrast_is_measured_as_the_standard_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)

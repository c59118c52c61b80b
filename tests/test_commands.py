"""`python -m minidl run` and `show`: results, refusals with place and caret, pages of one piece."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import pytest

from minidl.__main__ import main
from minidl.commands import progress
from minidl.commands.given import language
from minidl.viz import check
from tests.ir.samples import jax_programs, open_data

SCALE = """
func.func public @main(%x: tensor<2x3xf32>, %k: tensor<i32>) -> (tensor<2x3xf32>, tensor<i32>) {
  %two = stablehlo.constant dense<2.0> : tensor<2x3xf32>
  %0 = stablehlo.multiply %x, %two : tensor<2x3xf32>
  %1 = stablehlo.add %k, %k : tensor<i32>
  return %0, %1 : tensor<2x3xf32>, tensor<i32>
}
"""
ALONE = """func.func public @answer() -> tensor<i32> {
  %c = stablehlo.constant dense<42> : tensor<i32>
  return %c : tensor<i32>
}
"""
WRONG = """func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.add %x, %x : tensor<2xf32>
  %1 = stablehlo.slice %0 [0:9] : (tensor<2xf32>) -> tensor<9xf32>
  return %0 : tensor<2xf32>
}
"""
COUNT = """func.func public @main() -> tensor<i32> {
  %c = stablehlo.constant dense<0> : tensor<i32>
  %n = stablehlo.constant dense<TIMES> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %r = stablehlo.while(%i = %c) : tensor<i32>
  cond {
    %p = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %p : tensor<i1>
  } do {
    %j = stablehlo.add %i, %one : tensor<i32>
    stablehlo.return %j : tensor<i32>
  }
  return %r : tensor<i32>
}
"""
REFUSED = """func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = stablehlo.add %x, %x : tensor<4xf32>
  %1 = stablehlo.custom_call @mystery(%0) : (tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
"""
X = np.arange(6, dtype=np.float32).reshape(2, 3)
LITERALS = ["[[0, 1, 2], [3, 4, 5]]", "21"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The programs as files, and their arguments, in a folder of their own; no progress."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "QUIET_S", 1e6)
    programs = {"scale": SCALE, "alone": ALONE, "wrong": WRONG, "refused": REFUSED}
    for name, text in programs.items():
        (tmp_path / f"{name}.mlir").write_text(text)
    np.save("x.npy", X)
    np.save("k.npy", np.int32(21))
    np.savez("both.npz", in1=np.int32(21), in0=X, out0=X, dtypes=np.array(["float32", "int32"]))
    return tmp_path


def said(capsys, *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.mark.parametrize("engine", ["evaluate", "native"])
@pytest.mark.parametrize("given", [["x.npy", "k.npy"], ["both.npz"], LITERALS], ids=len)
def test_run_prints_what_numpy_prints(files, capsys, given, engine):
    code, out, err = said(capsys, "run", "scale.mlir", "--input", *given, "--engine", engine)
    assert (code, err) == (0, "")
    assert out == f"result 0: float32[2, 3]\n{X * 2}\nresult 1: int32[]\n42\n"


def test_run_takes_the_only_function_and_no_arguments(files, capsys):
    for engine in ("evaluate", "native"):
        assert said(capsys, "run", "alone.mlir", "--engine", engine)[1].endswith("int32[]\n42\n")


def test_run_reads_the_standard_input(files, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(ALONE))
    assert said(capsys, "run", "-", "--entry", "answer")[:2] == (0, "result 0: int32[]\n42\n")


def test_a_long_result_is_abbreviated_as_numpy_does(files, capsys):
    (files / "iota.mlir").write_text(
        "func.func public @main() -> tensor<5000xi32> {\n"
        "  %0 = stablehlo.iota dim = 0 : tensor<5000xi32>\n  return %0 : tensor<5000xi32>\n}\n"
    )
    out = said(capsys, "run", "iota.mlir")[1]
    assert out == "result 0: int32[5000]\n[   0    1    2 ... 4997 4998 4999]\n"


def test_results_are_saved_and_come_back(files, capsys):
    words = ["run", "scale.mlir", "--input", *LITERALS, "--output", "o.npz", "--save", "deep/out"]
    code, out, _ = said(capsys, *words)
    assert code == 0 and "saved o.npz" in out and "[[" not in out
    archive = np.load("o.npz")
    assert archive["dtypes"].tolist() == ["float32", "int32"]
    for i, want in enumerate((X * 2, np.int32(42))):
        for got in (archive[f"out{i}"], np.load(f"deep/out/out{i}.npy")):
            assert got.dtype == want.dtype and np.array_equal(got, want)


def test_bfloat16_goes_through_numpys_files(files, capsys):
    (files / "b.mlir").write_text(SCALE.replace("f32", "bf16"))
    x = X.astype(ml_dtypes.bfloat16)
    np.save("b.npy", x)
    assert said(capsys, "run", "b.mlir", "--input", "b.npy", "21", "--save", "first")[0] == 0
    again = ["run", "b.mlir", "--input", "first/out0.npy", "21", "--save", "second"]
    assert said(capsys, *again)[0] == 0
    assert np.load("second/out0.npy").view(ml_dtypes.bfloat16).tolist() == (x * 4).tolist()


def test_trace_says_line_op_and_values(files, capsys):
    out = said(capsys, "run", "scale.mlir", "--input", *LITERALS, "--trace")[1]
    rows = [line.split(None, 2) for line in out.splitlines()[:3]]
    assert [r[:2] for r in rows] == [
        ["3", "stablehlo.constant"], ["4", "stablehlo.multiply"], ["5", "stablehlo.add"],
    ]  # fmt: skip
    assert rows[1][2] == "float32[2, 3] [ 0. 2. 4. 6. 8. 10.]" and rows[2][2] == "int32[] 42"


REFUSALS = {
    "no such file": (["nothing.mlir"], r"nothing.mlir cannot be read: No such file"),
    "half a file": (["half.mlir"], r"half.mlir:4:\d+: .*\n +%0 = .*\n +\^"),
    "does not verify": (["wrong.mlir"], r"wrong.mlir:3:\d+: (.|\n)*slice(.|\n)*\n +\^"),
    "not text": (["x.npy"], r"x.npy is not text: byte 0 is not UTF-8"),
    "no budget": (["scale.mlir", "--budget", "-5"], r"--budget is -5, expected 1 op or more"),
    "bytecode": (["code.mlir"], r"is MLIR bytecode, expected text\nhint: "),
    "too few": (["scale.mlir", "--input", "x.npy"], r"takes 2 arrays .*, 1 was given"),
    "wrong shape": (["scale.mlir", "--input", "k.npy", "k.npy"], r"argument 0 of @main .* k.npy"),
    "wrong dtype": (
        ["scale.mlir", "--input", "x.npy", "x.npy"],
        r"argument 1 of @main is tensor<i32>; x.npy is float32 of shape 2x3",
    ),
    "not whole": (["scale.mlir", "--input", "x.npy", "1.5"], r"argument 1 of @main"),
    "too large": (["scale.mlir", "--input", "x.npy", "9999999999"], r"argument 1 of @main"),
    "nonsense": (["scale.mlir", "--input", "x.npy", "two"], r"'two' is neither a file nor numbers"),
    "no array": (["scale.mlir", "--input", "broken.npy", "1"], r"broken.npy holds no array"),
    "no function": (["scale.mlir", "--entry", "other"], r"no function @other\nhint: it has @main"),
    "custom call": (["refused.mlir", "--input", "[1, 2, 3, 4]"], r"custom_call"),
    "native custom call": (
        ["refused.mlir", "--input", "[1, 2, 3, 4]", "--engine", "native"], r"custom_call",
    ),
    "cannot save": (
        ["scale.mlir", "--input", *LITERALS, "--output", "no/such/o.npz"], r"cannot be written",
    ),
}  # fmt: skip


@pytest.mark.parametrize("words, want", REFUSALS.values(), ids=REFUSALS)
def test_run_refuses_in_words(files, capsys, words, want):
    (files / "half.mlir").write_text(SCALE[:200])
    (files / "code.mlir").write_bytes(b"ML\xefR\x00\x01")
    (files / "broken.npy").write_text("no array")
    code, out, err = said(capsys, "run", *words)
    assert (code, out) == (1, "")
    assert re.match(r"error: (.|\n)*" + want, err), err
    assert "Traceback" not in err and "an error of the engine" not in err


OTHERS = {
    "": "x.mlir is empty",
    "HloModule jit_f\nENTRY main { }\n": ":1:1: this is HLO",
    "import jax\ndef f(x):\n  return x\n": ":1:1: this is Python",
    "{ lambda ; a:f32[2]. let b:f32[2] = add a a in (b,) }": ":1:10: this is a jaxpr",
    "//\n.version 8.0\n.target sm_70\n": ":2:1: this is PTX",
    "define float @f(float %x) {\n  ret float %x\n}\n": ":1:1: this is LLVM IR",
    '{"a": [1, 2]}': ":1:1: this is JSON",
    "<!doctype html><p>stablehlo.add": ":1:1: this is HTML",
    "This is a letter.\n": ":1:1: ",
    "// nothing yet\n": "no function stands in the file",
    "module @m {\n}\n": "no function stands in the file",
}


@pytest.mark.parametrize("command", ["run", "show"])
@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_program_is_told_what_one_is(files, capsys, text, command):
    (files / "x.mlir").write_text(text)
    code, out, err = said(capsys, command, "x.mlir")
    assert (code, out) == (1, "") and OTHERS[text] in err
    assert "hint: a file of MLIR is expected, such as print(jax.jit(f).lower(x).as_text())" in err


@pytest.mark.parametrize("end", range(10, len(SCALE), 23))
def test_half_a_program_is_still_mlir(end):
    assert language(SCALE[:end].rpartition("\n")[0]) in ("", "MLIR")


def test_a_private_main_is_run_and_shown(files, capsys):
    (files / "private.mlir").write_text(ALONE.replace("public @answer", "private @main"))
    for engine in ("evaluate", "native"):
        assert said(capsys, "run", "private.mlir", "--engine", engine)[1].endswith("\n42\n")
    assert "stablehlo.constant" in written(capsys, "private.mlir")
    (files / "declared.mlir").write_text("func.func private @main(tensor<f32>) -> tensor<f32>")
    for name in ("run", "show"):
        assert (
            "@main is declared here and defined elsewhere" in said(capsys, name, "declared.mlir")[2]
        )


@pytest.mark.parametrize("engine", ["evaluate", "native"])
def test_more_elements_than_addresses_are_refused(files, capsys, engine):
    huge = "tensor<4294967296x4294967296x4294967296xf64>"
    (files / "huge.mlir").write_text(
        f"func.func public @main() -> {huge} {{\n  %0 = stablehlo.iota dim = 0 : {huge}\n"
        f"  return %0 : {huge}\n}}\n"
    )
    code, out, err = said(capsys, "run", "huge.mlir", "--engine", engine)
    assert (code, out) == (1, "") and "error of the engine" not in err
    assert ("out of memory" if engine == "evaluate" else "an address has 64 bits") in err


def command(*words: str, **more) -> subprocess.Popen:
    """A run of its own that Ctrl-C reaches, also when this one is in the background."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)  # an ignored one is inherited
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "minidl", *words], stdout=subprocess.PIPE, text=True, **more
        )
    finally:
        signal.signal(signal.SIGINT, old)


def test_control_c_ends_it_cleanly(tmp_path):
    (tmp_path / "long.mlir").write_text(COUNT.replace("TIMES", "2000000000"))
    running = command("run", str(tmp_path / "long.mlir"), "--trace", stderr=subprocess.PIPE)
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    err = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and "stablehlo.constant" in first
    assert re.fullmatch(r"(evaluate long\.mlir: running .*\n)*stopped\n", err), err


def test_an_endless_loop_shows_life_in_lines_where_no_terminal_is(files, capsys, monkeypatch):
    monkeypatch.setattr(progress, "QUIET_S", 0.1)
    (files / "long.mlir").write_text(COUNT.replace("TIMES", "2000000000"))
    code, out, err = said(capsys, "run", "long.mlir", "--budget", "300000")
    first, *later = (line for line in err.splitlines() if line.startswith("evaluate"))
    assert (code, out) == (1, "") and first == "evaluate long.mlir: running for 0 s"
    rates = [re.fullmatch(r".*: running for \d+ s, ([\d,]+) ops a second", s)[1] for s in later]
    assert rates and all(int(r.replace(",", "")) > 100 for r in rates)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals")
def test_progress_stands_on_a_terminal_only_when_it_takes_long(tmp_path):
    import termios

    for times, seen in ((3, False), (2_000_000_000, True)):
        (tmp_path / "p.mlir").write_text(COUNT.replace("TIMES", str(times)))
        reads, writes = os.openpty()
        termios.tcsetwinsize(writes, (24, 80))
        running = command("run", "--budget", "900000", str(tmp_path / "p.mlir"), stderr=writes)
        shown: list[bytes] = []
        reader = threading.Thread(target=drain, args=(reads, shown))
        reader.start()
        while seen and b"op/s" not in b"".join(shown) and running.poll() is None:
            time.sleep(0.05)
        if seen:
            running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        os.write(writes, b"end")
        reader.join(timeout=10)
        assert (b"op/s" in b"".join(shown)) == seen
        os.close(reads)
        os.close(writes)


def drain(reads: int, shown: list[bytes]) -> None:
    """Collect what a terminal shows until it says `end`: a full terminal makes writers wait."""
    while not b"".join(shown[-2:]).endswith(b"end"):
        shown.append(os.read(reads, 1 << 16))


# -- show --------------------------------------------------------------------------------


def written(capsys, *words: str) -> str:
    code, out, err = said(capsys, "show", *words)
    assert code == 0 and re.fullmatch(r"(show \S+: running for .*\n)*", err)
    path = re.match(r"wrote (\S+) \([\d,]+ bytes\)\n", out)[1]
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def test_show_writes_the_same_bytes_twice_beside_the_caller(files, capsys):
    first = written(capsys, "scale.mlir")
    assert (files / "scale.html").exists()
    assert written(capsys, str(files / "scale.mlir"), "-o", "again.html") == first
    assert "<title>scale.mlir</title>" in first and str(files) not in first


def test_a_page_asks_for_nothing_else(files, capsys):
    html = written(capsys, "scale.mlir")
    markup = re.sub(r"<script>.*?</script>|<pre.*?</pre>", "", html, flags=re.S)
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", markup)
    assert not re.search(r"url\((?!#)|@import", html)


def test_show_says_by_op_and_line_what_was_not_lowered(files, capsys):
    html = written(capsys, "refused.mlir")
    assert "1 op could not be lowered" in html
    row = re.search(r"<td><code>stablehlo.custom_call</code></td><td[^>]*>(\d+)</td>", html)
    assert row and row[1] == "3"


@pytest.mark.parametrize("name", ["half.mlir", "wrong.mlir"])
def test_show_writes_nothing_of_a_file_it_cannot_read(files, capsys, name):
    (files / "half.mlir").write_text(SCALE[:200])
    code, out, err = said(capsys, "show", name)
    assert (code, out) == (1, "") and re.search(rf"error: {name}:[34]:", err) and "^" in err
    assert not list(files.glob("*.html"))


def test_show_is_small_and_whole_for_every_program_of_jax(tmp_path, capsys):
    kinds = {}
    for path in jax_programs():
        html = written(capsys, str(path), "-o", str(tmp_path / f"{path.stem}.html"))
        assert len(html.encode()) <= 1_500_000, path.stem
        found = [check.unpack(p) for p in check.payloads(html)]
        kinds[path.stem] = {p["name"]: p for p in found}
        assert {"rewriting", "stages"} <= kinds[path.stem].keys(), path.stem
        assert all(p["kind"] != "player" or len(p["frames"]) <= 60 for p in found)
    stages = [s["name"] for s in kinds["softmax"]["stages"]["stages"]]
    assert stages == ["file", "optimized", "fused", "linalg", "loops", "llvm", "x86"]


def test_show_takes_modules_of_the_open_data(tmp_path, capsys):
    wanted = ("gather", "scatter", "conv", "sort", "reduce_window", "while", "dot_general", "add")
    firsts = {w: next(row for row in open_data() if w in row["id"]) for w in wanted}
    for name, row in firsts.items():
        (tmp_path / f"{name}.mlir").write_text(row["text"], encoding="utf-8")
        html = written(capsys, str(tmp_path / f"{name}.mlir"), "-o", str(tmp_path / "page.html"))
        assert "an error of the engine" not in html and len(html) <= 1_500_000, row["id"]
        assert any(p["name"] == "rewriting" for p in check.payloads(html))


def test_a_fault_of_the_engine_is_told_without_a_traceback(files, capsys, monkeypatch):
    def broken(*args, **more):
        raise AssertionError("two and two")

    monkeypatch.setattr("minidl.ir.evaluate", broken)
    code, out, err = said(capsys, "run", "alone.mlir")
    assert (code, out) == (1, "") and "Traceback" not in err
    assert err.startswith("error: an error of the engine: AssertionError: two and two\nhint: ")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_marks_and_line_endings_of_other_systems_are_read(files, capsys, ending):
    (files / "dos.mlir").write_bytes(b"\xef\xbb\xbf" + ALONE.replace("\n", ending).encode())
    assert said(capsys, "run", "dos.mlir")[:2] == (0, "result 0: int32[]\n42\n")
    assert said(capsys, "show", "dos.mlir")[0] == 0


def test_a_console_of_few_letters_gets_its_message(files):
    running = command("run", "scale.mlir", stderr=subprocess.PIPE,
                      env={**os.environ, "PYTHONIOENCODING": "ascii"})  # fmt: skip
    err = running.communicate(timeout=60)[1]
    assert running.returncode == 1 and "\\u2026" in err and "Traceback" not in err

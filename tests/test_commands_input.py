"""`run --input`: literals, NumPy's files, unknown sizes; refusals whose advice loses nothing."""

from __future__ import annotations

import io
import random
import re

import ml_dtypes
import numpy as np
import pytest

from minidl.__main__ import main
from minidl.commands import progress
from minidl.commands.arrays import arrays_from
from minidl.core.errors import MinidlError
from minidl.ir.mlir.types import ELEMENTS, ScalarType

IDENTITY = """func.func public @main(%x: {0}) -> {0} {{
  return %x : {0}
}}
"""
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`run(type, word)`: the identity of that type on that input; code, result or message."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "QUIET_S", 1e6)

    def call(type_: str, word: str, *more: str) -> tuple[int, object]:
        (tmp_path / "f.mlir").write_text(IDENTITY.format(type_))
        code = main(["run", "f.mlir", f"--input={word}", "--output", "o.npz", *more])
        err = capsys.readouterr().err
        assert "error of the engine" not in err and "Traceback" not in err
        return code, err if code else np.load("o.npz")["out0"]

    return call


# -- literals ----------------------------------------------------------------------------


def test_a_literal_may_be_longer_than_a_file_name(run):
    numbers = [i * 0.25 for i in range(5000)]
    code, got = run("tensor<5000xf32>", str(numbers))
    assert code == 0 and np.array_equal(got, np.arange(5000, dtype=np.float32) / 4)


@pytest.mark.parametrize("word", ["[" * 3000, "-" * 3000 + "1", "(" * 500, "1" * 5000, "", " "])
def test_long_nonsense_is_refused_in_a_short_message(run, word):
    code, err = run("tensor<f32>", word)
    assert code == 1 and len(err) < 300 and "is neither a file nor numbers" in err


GOOD = {
    "nan": np.float32("nan"), "inf": np.float32("inf"), "-inf": -np.float32("inf"),
    "-0.0": np.float32(-0.0), "99999999999999999999999999": np.float32(1e26),
    "3.4028235e38": np.finfo(np.float32).max, "3.40282356e38": np.finfo(np.float32).max,
    "16777217": np.float32(16777216), "1e-45": np.float32(1e-45), "1e-60": np.float32(0),
}  # fmt: skip


@pytest.mark.parametrize("word", GOOD)
def test_a_literal_is_the_float_that_is_nearest(run, word):
    code, got = run("tensor<f32>", word)
    assert code == 0 and got.dtype == np.float32 and got.tobytes() == GOOD[word].tobytes()


@pytest.mark.parametrize("name", [n for n in ELEMENTS if n != "i1"])
def test_a_literal_reaches_the_ends_of_its_type_and_no_farther(run, name):
    dtype = ScalarType(name).numpy
    info = np.iinfo(dtype) if dtype.kind in "iu" else ml_dtypes.finfo(dtype)
    whole = int if dtype.kind in "iu" else lambda v: int(float(v))  # int(bfloat16) wraps at 2**63
    ends = [whole(info.min), whole(info.max)]
    code, got = run("tensor<2x" + name + ">", str(ends))
    assert code == 0 and [whole(v) for v in got.view(dtype)] == ends
    for beyond in (ends[0] * 2 - 1, ends[1] * 2):
        code, err = run(f"tensor<{name}>", str(beyond))
        assert code == 1 and re.search("is outside|is beyond", err), err


BAD = {
    ("tensor<f32>", "1e39"): r"1e\+39 is beyond the largest f32, 3.40282e\+38",
    ("tensor<f64>", "1e400"): r"beyond every float: infinity is written inf",
    ("tensor<f64>", "1" + "0" * 400): r"is beyond the largest f64",
    ("tensor<bf16>", "3.4e38"): r"is beyond the largest bf16",
    ("tensor<f32>", "True"): r"True is no f32: write 1.0",
    ("tensor<i32>", "True"): r"True is no i32: write 1",
    ("tensor<i32>", "nan"): r"nan is not whole",
    ("tensor<i32>", "-inf"): r"-inf is not whole",
    ("tensor<i32>", "1.5"): r"1.5 is not whole",
    ("tensor<i8>", "300"): r"300 is outside -128 … 127",
    ("tensor<ui64>", "-1"): r"-1 is outside 0 … 18446744073709551615",
    ("tensor<2xi1>", "[1, 0]"): r"1 is no i1: write True or False",
    ("tensor<2xf32>", "[1, [2]]"): r"rows of different lengths",
    ("tensor<1x2xf32>", "[1, 2]"): r"has shape 2\nhint: such numbers are written \[\[0, 0\]\]",
    ("tensor<f32>", "1j"): r"'1j' is neither a file nor numbers",
    ("tensor<f32>", "None"): r"'None' is neither",
    ("tensor<f32>", "print(1)"): r"'print\(1\)' is neither",
    ("tensor<complex<f32>>", "1"): r"argument 0 of @main is tensor<complex<f32>>, which parses",
    ("tensor<f8E4M3FN>", "1"): r"argument 0 of @main is tensor<f8E4M3FN>, which parses",
}


@pytest.mark.parametrize("case", BAD, ids=lambda case: " ".join(case)[:40])
def test_a_literal_that_its_type_cannot_hold_is_refused(run, case):
    code, err = run(*case)
    assert code == 1 and re.search(BAD[case], err), err
    assert "astype" not in err  # nothing was saved


def test_true_and_false_are_the_words_of_both_languages(run):
    code, got = run("tensor<4xi1>", "[True, False, true, false]")
    assert code == 0 and got.tolist() == [True, False, True, False]


@pytest.mark.parametrize("word", ["-1", "-1e3", "-.5", "-inf"])
def test_a_negative_number_is_no_option(run, tmp_path, word):
    (tmp_path / "g.mlir").write_text(IDENTITY.format("tensor<f32>"))
    assert main(["run", "g.mlir", "--input", word, "--output", "g.npz"]) == 0
    assert np.load("g.npz")["out0"] == np.float32(word)


# -- files -------------------------------------------------------------------------------

ARRAYS = {
    "fields": (np.zeros(2, [("a", "f4")]), "tensor<2xf32>", r"fields a: save .* array\['a'\]"),
    "bytes": (np.zeros(2, "V4"), "tensor<2xf32>", r"raw bytes: say what they are"),
    "complex": (np.ones(2, "c8"), "tensor<2xf32>", r"save array.real or array.imag"),
    "times": (np.array(["2020-01-01"], "M8[D]"), "tensor<1xf32>", r"a time is no number"),
    "text": (np.array(["a"]), "tensor<1xf32>", r"it holds text"),
    "too large": (np.array([300]), "tensor<1xi8>", r"from 300 to 300, and i8 holds -128 to 127"),
    "negative": (np.array([-1]), "tensor<1xui8>", r"from -1 to -1, and ui8 holds 0 to 255"),
    "overflow": (np.array([1.0, 1e39]), "tensor<2xf32>", r"from 1.0 to 1e\+39, and the largest"),
    "not whole": (np.array([1.5]), "tensor<1xi32>", r"not whole: round them, as in numpy.rint"),
    "not finite": (np.array([np.nan]), "tensor<1xi32>", r"not finite"),
    "numbers for i1": (np.array([2]), "tensor<1xi1>", r"save array != 0"),
    "half the shape": (np.ones(3, "f4"), "tensor<2xf32>", r"its 3 elements do not fill 2 places"),
}  # fmt: skip


@pytest.mark.parametrize("array, type_, want", ARRAYS.values(), ids=ARRAYS)
def test_advice_never_loses_values(run, array, type_, want):
    np.save("a.npy", array)
    code, err = run(type_, "a.npy")
    assert code == 1 and re.search(want, err), err
    assert "hint: save array.astype" not in err


SAFE = {
    "narrower": (np.array([1, -128]), "i8"),
    "whole floats": (np.array([3.0, -4.0]), "i32"),
    "rounded": (np.array([0.1, np.inf]), "f32"),
    "bools": (np.array([True, False]), "f32"),
    "empty": (np.zeros(0), "i32"),
}


@pytest.mark.parametrize("array, name", SAFE.values(), ids=SAFE)
def test_advice_is_right_where_it_is_given(run, array, name):
    type_ = f"tensor<{len(array)}x{name}>"
    np.save("a.npy", array)
    code, err = run(type_, "a.npy")
    advice = re.fullmatch(r'hint: save (array\.astype\("\w+"\))', err.splitlines()[-1])
    assert code == 1 and advice, err
    made = eval(advice[1], {"array": array})  # do what it says
    np.save("b.npy", made)
    code, got = run(type_, "b.npy")
    assert code == 0 and np.allclose(got.astype(np.float64), array.astype(np.float64))


def test_the_byte_order_of_other_machines_is_read(run):
    np.save("a.npy", np.array([1, 2], ">f4"))
    code, got = run("tensor<2xf32>", "a.npy")
    assert code == 0 and got.tolist() == [1, 2]


BROKEN = {
    "text.npz": (b"no archive", r"text.npz holds no array: it does not begin as NumPy's files do"),
    "cut.npz": (b"PK\x03\x04 and no more", r"cut.npz holds no array: "),
    "empty.npy": (b"", r"empty.npy holds no array: it is empty"),
    "cut.npy": (b"\x93NUMPY\x01\x00v\x00{'descr'", r"cut.npy holds no array: "),
    "absent.npy": (None, r"absent.npy cannot be read: No such file"),
}


def damaged(seed: int) -> bytes:
    """A `.npy` or `.npz` with a few bytes changed; of a `.npy` those of its header."""
    chance, raw = random.Random(seed), io.BytesIO()
    (np.save if seed % 2 else np.savez)(raw, X)
    out = bytearray(raw.getvalue())
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(128 if seed % 2 else len(out))
        out[at : at + chance.randrange(3)] = chance.choice([b"", b"'", b"(", b"9", b"\xff"])
    return bytes(out)


def test_damaged_files_are_read_or_refused(tmp_path):
    refused = 0
    for seed in range(300):
        (tmp_path / "a.npy").write_bytes(damaged(seed))
        try:
            ((_, array),) = arrays_from([str(tmp_path / "a.npy")])
            assert isinstance(array, np.ndarray), seed
        except (MinidlError, MemoryError):
            refused += 1
    assert refused > 100  # the damage is damage


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_arrays_is_said_to_be_one(run, tmp_path, name):
    raw, want = BROKEN[name]
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    code, err = run("tensor<f32>", name)
    assert code == 1 and re.search(want, err) and "pickle" not in err, err


def test_objects_are_not_read_nor_is_it_advised(run):
    np.save("o.npy", np.array([None, 1], object), allow_pickle=True)
    np.savez("p.npz", in0=np.array([None, 1], object))
    for name in ("o.npy", "p.npz"):
        code, err = run("tensor<2xf32>", name)
        assert code == 1 and "its elements are Python objects" in err and "pickle" not in err


# -- unknown sizes -----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["evaluate", "native"])
def test_unknown_sizes_are_those_of_the_arrays(run, engine):
    code, got = run("tensor<?x3xf32>", "[[1, 2, 3], [4, 5, 6]]", "--engine", engine)
    assert code == 0 and got.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("word", ["[1, 2, 3]", "[[1, 2]]", "7"])
def test_an_array_of_another_shape_fits_no_unknown_size(run, word):
    code, err = run("tensor<?x3xf32>", word)
    assert code == 1 and "is tensor<?x3xf32>; " in err and "give shape ?x3" in err


@pytest.fixture(scope="module")
def exported():
    """A program that JAX exports for any number of rows, at least two, and JAX's own call."""
    jax = pytest.importorskip("jax")
    (rows,) = jax.export.symbolic_shape("n", constraints=["n >= 2"])

    def f(x):
        return jax.numpy.concatenate([x, x * x]).reshape(-1), x.sum(0) + x.shape[0]

    out = jax.export.export(jax.jit(f))(jax.ShapeDtypeStruct((rows, 3), "int32"))
    return str(out.mlir_module()), out.call


@pytest.mark.parametrize("engine", ["evaluate", "native"])
def test_a_program_exported_for_any_size_runs_as_in_jax(exported, tmp_path, run, engine):
    text, call = exported
    (tmp_path / "any.mlir").write_text(text)
    for rows in (2, 5):
        x = np.arange(rows * 3, dtype=np.int32).reshape(rows, 3)
        np.save("x.npy", x)
        words = ["any.mlir", "--input", "x.npy", "--output", "any.npz", "--engine", engine]
        assert main(["run", *words]) == 0
        for i, want in enumerate(call(x)):
            assert np.array_equal(np.load("any.npz")[f"out{i}"], want)


def test_a_size_that_the_program_refuses_is_refused_in_its_words(exported, tmp_path, run, capsys):
    (tmp_path / "any.mlir").write_text(exported[0])
    assert main(["run", "any.mlir", "--input", "[[1, 2, 3]]"]) == 1
    assert re.search("do not match .* constraint n ?>= ?2", capsys.readouterr().err)

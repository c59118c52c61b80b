"""Text is a faithful picture: print, parse, clone, and MLIR itself, all see one program."""

from __future__ import annotations

import pytest

from minidl import ir
from minidl.ir.mlir.equivalence import difference
from tests.ir import jaxlib_mlir as mlir
from tests.ir import samples

FORMS = [(generic, locations) for generic in (False, True) for locations in (False, True)]


def texts() -> list[tuple[str, str]]:
    """The open data and the recorded JAX programs."""
    open_ = [(row["id"], row["text"]) for row in samples.open_data()]
    return open_ + [(path.stem, path.read_text()) for path in samples.jax_programs()]


def test_parse_after_print_is_the_identity_on_all_the_data():
    """Ops, types, attributes, regions, symbols; in both forms, with locations, after a clone."""
    wrong = []
    for name, text in texts():
        module = ir.parse(text)
        ir.verify(module)
        for generic, locations in FORMS:
            again = ir.parse(module.text(generic=generic, locations=locations))
            wrong.append((name, difference(module, again, locations)))
        wrong.append((name, difference(module, module.clone(), locations=True)))
    assert len(wrong) >= 5 * 900
    assert [pair for pair in wrong if pair[1]] == []


def test_mlir_reads_all_that_we_print_and_prints_the_same():
    """Both forms to the character; the generic one is MLIR's own reading of the original."""
    refused, unlike = [], []
    for name, text in texts():
        module = ir.parse(text)
        generic = module.text(generic=True)
        forms = [module.text(generic=g, locations=True) for g in (False, True)]
        refused += [name for form in (*forms, generic) if mlir.refusal(form) is not None]
        if generic.strip() != mlir.generic(text).strip() or str(module).strip() != text.strip():
            unlike.append(name)
    assert refused == []
    assert unlike == []


def test_a_difference_is_found_wherever_it_is():
    """Each change of one thing is reported; else the tests above could not fail."""
    text = samples.DOT
    changes = [
        ("= [1] x [0]", "= [1] x [1]"), ("3x4xf32", "3x5xf32"), ("2x4xf32", "2x5xf32"),
        ('jax.r = "x"', 'jax.r = "y"'), ("mhlo.n = 1", "mhlo.n = 2"), ("@main", "@other"),
        ("compare GT", "compare GE"), ("%1, %cst, FLOAT", "%cst, %1, FLOAT"),
        ("stablehlo.add across", "stablehlo.maximum across"), ("dense<0.0>", "dense<1.0>"),
        ("return %0, %3", "return %0, %1"), ('"a.py":1:2', '"a.py":1:3'), ("3:4 to :9", "3:4"),
    ]  # fmt: skip
    first = ir.parse(text)
    for old, new in changes:
        assert old in text
        assert difference(first, ir.parse(text.replace(old, new)), locations=True), (old, new)


def test_the_tree_keeps_no_source_text():
    import gc

    text = "// a remark nobody else makes\n" + samples.DOT
    module = ir.parse(text)
    seen, todo = set(), [module]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        assert not (isinstance(thing, str) and "remark" in thing)
        if len(seen) < 20_000:
            todo.extend(gc.get_referents(thing))


# -- locations ---------------------------------------------------------------------------


def jax_functions() -> dict[str, object]:
    jax = pytest.importorskip("jax")
    jnp, lax = jax.numpy, jax.lax

    def loss(w, x):
        return jnp.mean(jnp.tanh(x @ w) ** 2)

    return {
        "sine": lambda w, x: jnp.sin(w),
        "softmax": lambda w, x: jax.nn.softmax(x),
        "grad": jax.grad(loss),
        "value_and_grad": jax.value_and_grad(loss, argnums=(0, 1)),
        "vmap": lambda w, x: jax.vmap(lambda r: r @ w)(x),
        "scan": lambda w, x: lax.scan(lambda c, r: (c + r, c.sum()), x[0], x),
        "fori": lambda w, x: lax.fori_loop(0, 3, lambda i, c: c @ w, x),
        "while": lambda w, x: lax.while_loop(lambda c: c.sum() < 9, lambda c: c + 1, x),
        "cond": lambda w, x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x),
        "switch": lambda w, x: lax.switch(2, [jnp.sin, jnp.cos, jnp.tan], x),
        "sort": lambda w, x: jnp.sort(x, axis=0),
        "gather": lambda w, x: x[jnp.array([0, 2])],
        "scatter": lambda w, x: x.at[1].add(2.0),
        "random": lambda w, x: jax.random.normal(jax.random.key(0), (3,)),
        "checkpoint": jax.grad(lambda w, x: jax.checkpoint(loss)(w, x)),
        "einsum": lambda w, x: jnp.einsum("ij,kj->ik", x, w),
    }


def test_jax_text_with_debug_information_comes_back_to_the_character():
    import numpy as np

    functions = jax_functions()
    import jax

    w, x = np.ones((4, 4), np.float32), np.ones((3, 4), np.float32)
    places = 0
    for name, function in functions.items():
        text = jax.jit(function).lower(w, x).as_text(debug_info=True)
        module = ir.parse(text)
        ir.verify(module)
        assert module.text(locations=True).strip() == text.strip(), name
        for generic in (False, True):
            again = ir.parse(module.text(generic=generic, locations=True))
            assert difference(module, again, locations=not generic) is None, name
            assert mlir.refusal(module.text(generic=generic, locations=True)) is None
        assert difference(module, module.clone(), locations=True) is None
        places += sum(bool(op.location.spans()) for op in module.walk())
    assert places > 100


LOCATIONS = [
    "unknown", '"f.py":1:2', '"f.py":1:2 to :9', '"f.py":1:2 to 3:4', '"name"', '"g"("f.py":1:2)',
    'callsite("a" at "b"("f.py":1:2))', 'fused["a", "b"]', 'fused<"why">["a", unknown]',
    "fused<{a = 1 : i64}>[callsite(\"a\" at \"b\")]",
]  # fmt: skip


@pytest.mark.parametrize("location", LOCATIONS)
def test_each_kind_of_location_is_mlirs(location):
    text = f'func.func @f(%x: tensor<f32> loc("x")) {{ return loc({location}) }} loc("f")'
    module = ir.parse(text)
    assert difference(module, ir.parse(module.text(locations=True)), locations=True) is None
    assert str(module.main.location if "main" in module.functions else "") == ""
    end = module.function("f").body.last
    assert end is not None and str(end.location) == location
    assert mlir.refusal(module.text(locations=True)) is None


def test_shared_locations_are_read_once_however_often_they_are_used():
    """Forty doublings would be 10¹² locations, written out: refused, not waited for."""
    lines = ['#a0 = loc("x")']
    lines += [f"#a{i} = loc(fused[#a{i - 1}, #a{i - 1}])" for i in range(1, 41)]
    with pytest.raises(ir.parse.__globals__["ParseError"], match="too large, written out"):
        ir.parse("\n".join([*lines, "func.func private @f() loc(#a40)"]))


def noted() -> list[str]:
    """A text for each set of ops in the data and in the programs at the edges, with …"""
    from tests.ir.stablehlo import test_edges_movement as movement
    from tests.ir.stablehlo import test_edges_regions as regions

    cases = [*movement.MOVES, *movement.SUMS, *regions.CASES]
    found: dict[frozenset[str], str] = {}
    for text in [*(text for _, text in texts()), *(case.text for case in cases)]:
        found.setdefault(frozenset(op.name for op in ir.parse(text).walk()), text)
    return list(found.values())


def test_an_attribute_of_nobody_s_stands_where_mlir_puts_it():
    """… an attribute on every op: MLIR's pretty, generic and located forms come back."""
    from jaxlib.mlir import ir as theirs

    def annotate(op, notes):
        if op.name != "builtin.module":
            op.attributes["my.note"] = notes[len(op.name) % len(notes)]
        for region in op.regions:
            for inner in (o for block in region.blocks for o in block.operations):
                annotate(inner.operation, notes)

    seen, unlike = 0, []
    for text in noted():
        with mlir.context():
            module = theirs.Module.parse(text)
            notes = [theirs.Attribute.parse(n) for n in ("3 : i64", '{a = [1, "x"], b = unit}')]
            annotate(module.operation, notes)
            forms = {
                (generic, locations): module.operation.get_asm(
                    print_generic_op_form=generic, enable_debug_info=locations
                )
                for generic, locations in FORMS
            }
        for (generic, locations), form in forms.items():
            again = ir.parse(form).text(generic=generic, locations=locations)
            seen += 1
            if again.strip() != form.strip():
                unlike.append((text, generic, locations))
    assert seen > 800
    assert unlike == []

"""Frame format 1: what is packed comes back, in Python and by the written rules."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.viz import assets, check, codec
from tests.viz import samples

LEAF = (
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(alphabet='ab~0</"\u2028', max_size=6)
)
VALUE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(alphabet="kio=s-~", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def exactly(a, b):
    """Equal as JSON text: 1, 1.0 and true are three values."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUE), min_size=1, max_size=8))
def test_packed_frames_come_back_exactly(frames):
    packed = json.loads(codec.dumps(codec.encode(frames, key_every=3)))
    assert exactly(codec.decode(packed), frames)


@settings(max_examples=300, deadline=None)
@given(VALUE, VALUE)
def test_a_difference_turns_old_into_new_and_leaves_old(old, new):
    before = json.dumps(old)
    assert exactly(codec.apply(old, codec.delta(old, new)), new)
    assert json.dumps(old) == before


def test_one_changed_line_costs_a_line_not_a_listing():
    lines = [f"line {i}" for i in range(200)]
    edited = [*lines[:50], "inserted", *lines[50:150], *lines[151:]]
    change = codec.delta({"lines": lines}, {"lines": edited})
    assert change == {"o": {"lines": {"s": [[150, 1, []], [50, 0, ["inserted"]]]}}}


def test_every_25th_frame_stands_alone():
    packed = codec.encode([{"n": i} for i in range(60)])
    assert [i for i, item in enumerate(packed["frames"]) if "k" in item] == [0, 25, 50]


def test_json_cannot_end_its_script_element():
    text = codec.dumps(["</script><!--", "\u2028"])
    assert "<" not in text and "\u2028" not in text
    assert json.loads(text) == ["</script><!--", "\u2028"]


def test_differences_make_a_run_several_times_smaller():
    listing = [f"  %{i} = stablehlo.add %{i - 1}, %{i - 2} : tensor<8xf32>" for i in range(40)]
    frames = []
    for i in range(50):
        lanes = [[str(lane * min(i, lane)) for lane in range(32)]]
        code = {"kind": "code", "lines": listing, "current": [i % 40 + 1]}
        frames.append(
            {"caption": f"Op {i} runs.", "panels": [code, {"kind": "grid", "cells": lanes}]}
        )
    packed = len(codec.dumps(codec.encode(frames)))
    assert packed * 6 < len(codec.dumps(frames))


def validator():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((assets.STATIC / "frames.v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema), jsonschema


@pytest.mark.parametrize("widget", samples.everything(), ids=repr)
def test_each_widget_keeps_the_schema_packed_and_whole(widget):
    whole, jsonschema = validator()
    frame = jsonschema.Draft202012Validator(
        {**whole.schema["$defs"]["frame"], "$defs": whole.schema["$defs"]}
    )
    whole.validate(check.payloads(widget.html)[0])
    data = check.decode(widget)
    for one in [*data.get("frames", []), *data.get("tour", [])]:
        frame.validate(one)


def test_the_schema_refuses_a_frame_with_an_unknown_member():
    whole, jsonschema = validator()
    payload = check.payloads(samples.kinds_player().html)[0]
    with pytest.raises(jsonschema.ValidationError):
        whole.validate({**payload, "colour": "red"})


def test_another_format_is_refused():
    payload = check.payloads(samples.kinds_player().html)[0]
    with pytest.raises(ValueError, match="frame format 2 is not known"):
        check.unpack({**payload, "v": 2})

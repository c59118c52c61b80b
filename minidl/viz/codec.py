"""Frame format 1: shared strings once, a key frame every 25, differences between.

Chapter: none (the book's machinery); the schema is `static/frames.v1.schema.json`.
Sources: key frames and deltas as in video; RFC 6902 for the idea of a patch.
Real: a trace viewer streams protobufs; a page of a book needs 60 KB of text.

packed   {"strings": [...], "frames": [item, ...]}
item     {"k": frame}                    a key frame
         delta                           against the frame before
delta    {}                              nothing changed
         {"=": value}                    replaced
         {"o": {key: delta}, "-": [key]} members of an object changed, removed
         {"i": {index: delta}}           elements of a list of equal length
         {"s": [[start, count, items]]}  splices of a list, last place first
string   "~1f" is strings[0x1f in base 36]; "~~x" is the string "~x"
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

KEY_EVERY = 25
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

Json = Any


def dumps(value: Json) -> str:
    """Compact JSON that may stand inside a `<script>` element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def delta(old: Json, new: Json) -> dict[str, Json]:
    """The shortest difference that turns `old` into `new`."""
    if same(old, new):
        return {}
    choices: list[dict[str, Json]] = [{"=": new}]
    if isinstance(old, dict) and isinstance(new, dict):
        choices.append(_members(old, new))
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) == len(new):
            pairs = enumerate(zip(old, new, strict=True))
            choices.append({"i": {str(i): delta(a, b) for i, (a, b) in pairs if not same(a, b)}})
        choices.append({"s": _splices(old, new)})
    return min(choices, key=_size)


def same(a: Json, b: Json) -> bool:
    """Equal as JSON: 1 and True and 1.0 are three values."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def _members(old: dict[str, Json], new: dict[str, Json]) -> dict[str, Json]:
    out: dict[str, Json] = {}
    changed = {k: delta(old[k], v) if k in old else {"=": v} for k, v in new.items()}
    changed = {k: d for k, d in changed.items() if d}
    if changed:
        out["o"] = changed
    gone = [k for k in old if k not in new]
    if gone:
        out["-"] = gone
    return out


def _splices(old: list[Json], new: list[Json]) -> list[Json]:
    """Row- or line-level edits, from the end so that places stay valid."""
    keys_old, keys_new = [json.dumps(x) for x in old], [json.dumps(x) for x in new]
    blocks = SequenceMatcher(None, keys_old, keys_new, autojunk=False).get_opcodes()
    return [[a0, a1 - a0, new[b0:b1]] for tag, a0, a1, b0, b1 in reversed(blocks) if tag != "equal"]


def apply(old: Json, change: dict[str, Json]) -> Json:
    """`old` with a difference applied; `old` itself is left as it was."""
    if "=" in change:
        return change["="]
    if "i" in change:
        out = list(old)
        for i, d in change["i"].items():
            out[int(i)] = apply(out[int(i)], d)
        return out
    if "s" in change:
        out = list(old)
        for start, count, items in change["s"]:
            out[start : start + count] = items
        return out
    kept = old
    if "-" in change or "o" in change:
        kept = {k: v for k, v in old.items() if k not in change.get("-", ())}
        for key, d in change.get("o", {}).items():
            kept[key] = apply(kept.get(key), d)
    return kept


def encode(frames: list[dict[str, Json]], key_every: int = KEY_EVERY) -> dict[str, Json]:
    """Pack whole frames; `decode` gives them back exactly."""
    items: list[dict[str, Json]] = []
    for i, frame in enumerate(frames):
        items.append({"k": frame} if i % key_every == 0 else delta(frames[i - 1], frame))
    strings = _shared(items)
    index = {s: "~" + _base36(i) for i, s in enumerate(strings)}
    return {"strings": strings, "frames": [_swap(item, index) for item in items]}


def decode(packed: dict[str, Json]) -> list[dict[str, Json]]:
    """Every frame, whole."""
    out: list[dict[str, Json]] = []
    for item in packed["frames"]:
        one = _expand(item, packed["strings"])
        out.append(one["k"] if "k" in one else apply(out[-1], one))
    return out


def _texts(value: Json) -> Iterator[str]:
    """Every string that is a value (member names are not)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _shared(items: list[dict[str, Json]]) -> list[str]:
    """Strings worth sharing, the most saved first (short names for those)."""
    counts = Counter(_texts(items))
    gain = {s: (n - 1) * len(s) - 4 * n for s, n in counts.items()}
    return sorted((s for s, g in gain.items() if g > 0), key=lambda s: (-counts[s], s))


def _swap(value: Json, index: dict[str, str]) -> Json:
    if isinstance(value, str):
        return index.get(value) or ("~" + value if value.startswith("~") else value)
    if isinstance(value, dict):
        return {k: _swap(v, index) for k, v in value.items()}
    if isinstance(value, list):
        return [_swap(v, index) for v in value]
    return value


def _expand(value: Json, strings: list[str]) -> Json:
    if isinstance(value, str) and value.startswith("~"):
        return value[1:] if value.startswith("~~") else strings[int(value[1:], 36)]
    if isinstance(value, dict):
        return {k: _expand(v, strings) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, strings) for v in value]
    return value


def _base36(n: int) -> str:
    out = _DIGITS[n % 36]
    while n >= 36:
        n //= 36
        out = _DIGITS[n % 36] + out
    return out

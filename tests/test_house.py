"""The house: commands, pins, licences, lint, and a light import."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tomllib

import pytest

import minidl
from tools import dev

SLOWEST = 1.5  # `import minidl` against `import numpy`
ROUNDS = 7


def clock_import(statement: str) -> float:
    """Seconds that one import takes inside a fresh interpreter."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    return float(subprocess.check_output([sys.executable, "-c", code]))


def test_import_costs_at_most_half_more_than_numpy():
    for statement in ("import numpy", "import minidl"):
        clock_import(statement)  # warm the file cache
    pairs = [(clock_import("import numpy"), clock_import("import minidl")) for _ in range(ROUNDS)]
    numpy_s, minidl_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert minidl_s <= SLOWEST * numpy_s, f"{minidl_s:.3f} s against {numpy_s:.3f} s"


def test_import_loads_numpy_alone():
    code = """
import sys, numpy
before = set(sys.modules)
import minidl
new = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(*sorted(new))
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["minidl"]


def test_front_door_is_a_map_of_what_exists(root):
    """Each function of the map is found where the map says, once its layer is there."""
    for name, module in minidl.FUNCTIONS.items():
        if (root / module.replace(".", "/") / "__init__.py").exists():
            source = (root / module.replace(".", "/") / "__init__.py").read_text()
            if re.search(rf"\b{name}\b", source):
                assert callable(getattr(minidl, name))


def test_front_door_refuses_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = minidl.nonsense


def test_doctor_says_what_is_here():
    out = subprocess.check_output([sys.executable, "-m", "minidl", "doctor"], text=True)
    for name in ("minidl", "Python", "CPU", "GPU", "numpy", "llvmlite"):
        assert re.search(rf"^{name} +\S", out, re.M), name


def pins(path) -> dict[str, str]:
    """name → version of a file of exact pins."""
    rows = re.findall(r"^([\w.-]+)==([\w.+!]+)", path.read_text(), re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in rows}


def test_requirements_are_pinned_as_in_the_constraints(root):
    frozen = pins(root / "constraints.txt")
    for name, version in pins(root / "requirements.txt").items():
        assert frozen[name] == version, name
    lines = (root / "requirements.txt").read_text().split()
    assert lines[-2:] == ["-e", "."], "the last requirement is the package itself"


def test_every_dependency_of_the_project_is_frozen(root):
    frozen = pins(root / "constraints.txt")
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    for name in names:
        plain = re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()
        assert plain in frozen, name


def test_pinned_files_name_no_host_and_no_path(root):
    for name in ("requirements.txt", "constraints.txt"):
        assert not re.search(r"https?:|file:|@ ", (root / name).read_text()), name


def test_make_and_python_offer_the_same_targets(root):
    listed = re.search(r"^TARGETS = (.*)$", (root / "Makefile").read_text(), re.M)[1].split()
    assert set(listed) - {"help"} <= set(dev.TARGETS)
    out = subprocess.check_output([sys.executable, root / "tools" / "dev.py"], text=True)
    for name in listed[1:]:
        assert re.search(rf"^  {name} +\S", out, re.M), name


def test_dev_refuses_an_unknown_target(root):
    result = subprocess.run(
        [sys.executable, root / "tools" / "dev.py", "bok"], capture_output=True, text=True
    )
    assert result.returncode == 2 and "invalid choice: 'bok'" in result.stderr


def test_versions_agree(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["version"] == minidl.__version__
    assert f"version: {minidl.__version__}" in (root / "CITATION.cff").read_text()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_front_papers_fit_on_a_screen_and_link_to_files(root, name):
    text = (root / name).read_text()
    assert len(text.splitlines()) <= 60
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (root / target).exists(), target


@pytest.mark.parametrize("command", [["format", "--check"], ["check"]], ids=["format", "lint"])
def test_ruff_is_clean(root, command):
    result = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=root, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-3000:]


def test_types_are_clean(root):
    result = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=root, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-3000:]

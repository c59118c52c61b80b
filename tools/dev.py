"""The house's commands: `python tools/dev.py <target>`, what `make <target>` calls.

Standard library only, so it runs on a fresh machine: it makes `.venv`, installs the
pinned packages when their files changed, and then does the work.  `python tools/dev.py`
lists the targets.

Real: tox, nox and uv do this for many projects; here it is two hundred lines to read.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
import webbrowser
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
HTML = ROOT / "_build" / "html"
REPORT = ROOT / "_build" / "tests.xml"
OLDEST, NEWEST = (3, 11), (3, 13)
SANITIZE = "tests/book/sanitize.cfg"
NOTEBOOK_PYTHON = (3, 11)  # outputs are compared on this minor; others run without comparing
TARGETS = {}


def target(function):
    """Make a function one of the commands; its docstring is the help text."""
    TARGETS[function.__name__] = function
    return function


# ---- the environment ---------------------------------------------------------------------


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(*command, cwd=ROOT, **options) -> None:
    """Run a command in the repository; stop with its exit code if it fails."""
    code = subprocess.run([str(c) for c in command], cwd=cwd, check=False, **options).returncode
    if code:
        print(f"failed ({code}): {' '.join(str(c) for c in command)}", file=sys.stderr)
        raise SystemExit(code)


def supported_python() -> None:
    """Continue under a Python of a supported minor version, or say which one is needed."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], check=False).returncode == 0:
            raise SystemExit(subprocess.run([found, *sys.argv], check=False).returncode)
    have = ".".join(map(str, sys.version_info[:3]))
    raise SystemExit(
        f"minidl needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}; this is {have}."
        "\nhint: install one, then `make PYTHON=/path/to/python3.12 book`"
    )


def make_venv() -> None:
    python = venv_python()
    works = python.exists() and subprocess.run([python, "-m", "pip", "-V"], **QUIET).returncode == 0
    if not works:
        print(f"making {VENV.name} with Python {sys.version.split()[0]}", flush=True)
        venv.EnvBuilder(with_pip=True, clear=True).create(VENV)


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}


def wanted() -> str:
    """A hash of all that decides what is installed."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def setup(tests: bool = False) -> Path:
    """`.venv` with the reader's packages, or the tests' as well; returns its Python."""
    supported_python()
    make_venv()
    extra = "test" if tests else "book"
    stamps = [VENV / f".installed-{name}" for name in ("book", "test")]
    have = [s for s in stamps if s.exists() and s.read_text() == wanted()]
    if not any(s.name.endswith((extra, "test")) for s in have):
        print(f"installing the {extra} packages (minutes the first time)", flush=True)
        command = [venv_python(), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        command += ["-r", "requirements.txt", "-c", "constraints.txt"]
        run(*command, *(["-e", ".[test]"] if tests else []))
        stamps[tests].write_text(wanted())
    return venv_python()


# ---- the book ----------------------------------------------------------------------------

BOOK_INPUTS = ("book", "minidl/viz/static", "_config.yml", "_toc.yml", "requirements.txt")


def book_hash() -> str:
    """A hash of every file that the built book depends on."""
    digest = hashlib.sha256()
    for name in BOOK_INPUTS:
        path = ROOT / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(file.parts):
                digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def build_book(python: Path) -> str:
    """Build `_build/html` cleanly unless it is up to date; returns a word on what was done."""
    stamp, now = HTML.parent / ".book", book_hash()
    if stamp.exists() and stamp.read_text() == now and (HTML / "index.html").exists():
        return "up to date"
    for part in (HTML, HTML.parent / ".doctrees", HTML.parent / "jupyter_execute"):
        shutil.rmtree(part, ignore_errors=True)
    stamp.unlink(missing_ok=True)
    start = "from jupyter_book.cli.main import main; main()"  # it has no `-m` of its own
    jb = [python, "-c", start, "build", ".", "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(jb, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SystemExit(done.returncode)
    stamp.write_text(now)
    return "built"


@target
def book(arguments) -> None:
    """build the book into _build/html"""
    done = build_book(setup())
    pages = len(list((HTML / "book").rglob("*.html")))
    print(
        f"{done}: _build/html/index.html ({pages} pages). Open it in a browser; next: `make lab`."
    )


@target
def serve(arguments) -> None:
    """build the book, then show it on http://127.0.0.1:8000"""
    build_book(setup())
    webbrowser.open("http://127.0.0.1:8000")
    run(venv_python(), "-m", "http.server", "8000", "--bind", "127.0.0.1", "-d", HTML)


@target
def lab(arguments) -> None:
    """open JupyterLab on the notebooks"""
    run(setup(), "-m", "jupyterlab", "book", *arguments)


@target
def notebooks(arguments) -> None:
    """run every notebook (or those named) again and write its canonical form"""
    run(setup(), ROOT / "tools" / "notebooks.py", "--execute", *arguments)
    print("executed the notebooks; next: `make book` and `git diff --stat book`.")


# ---- the tests ---------------------------------------------------------------------------


def pytest_command(python: Path) -> list:
    """pytest with what every run of notebooks shares."""
    version = subprocess.check_output([python, "-c", "import sys; print(sys.version_info[:2])"])
    exact = version.decode().strip() == str(NOTEBOOK_PYTHON)
    command = [python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    command += ["--nbval" if exact else "--nbval-lax", "--nbval-current-env"]
    return [*command, "--nbval-cell-timeout", "120", "--nbval-sanitize-with", SANITIZE]


def what_to_test(arguments: list[str]) -> list:
    """Named paths as they are; else all tests and all notebooks, with a report."""
    if any(not a.startswith("-") and (ROOT / a.split("::")[0]).exists() for a in arguments):
        return arguments
    all_of_it = ["tests", "book", "-m", "not gpu and not fuzz and not bench"]
    return [*all_of_it, f"--junit-xml={REPORT}", *arguments]


def counts() -> str:
    """The counts of the last full run, as one plain line."""
    suite = ElementTree.parse(REPORT).getroot().find("testsuite")
    total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    return f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped"


@target
def test(arguments) -> None:
    """run every test and every notebook (`ARGS=--require-browser`: no browser is a failure)"""
    python, start = setup(tests=True), time.monotonic()
    build_book(python)
    run(*pytest_command(python), *what_to_test(arguments))
    print(
        f"tested everything in {time.monotonic() - start:.0f} s; next: `make serve` or `make lab`."
    )


FLAVOUR = ("stack", "step", "primers/network")  # notebooks run as another CPU would
OLD_CPU = """
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(*[name for name in __cpu_dispatch__ if __cpu_features__.get(name)])
"""


@target
def flavour(arguments) -> None:
    """run three notebooks again as an older CPU would compute them"""
    python = setup(tests=True)
    features = subprocess.check_output([python, "-c", OLD_CPU], text=True).strip()
    old = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": features}
    paths = [p for name in FLAVOUR if (p := ROOT / "book" / f"{name}.ipynb").exists()]
    if paths:
        run(*pytest_command(python), *paths, env=os.environ | old)
    print(f"{len(paths)} notebooks give the same on an older CPU (no {features or 'extras'}).")


@target
def count(arguments) -> None:
    """print the counts of the last full test run"""
    print(counts())


@target
def gpu(arguments) -> None:
    """run the tests that need an NVIDIA GPU"""
    run(setup(tests=True), "-m", "pytest", "tests", "-m", "gpu", *arguments)


@target
def fuzz(arguments) -> None:
    """run the long random tests"""
    run(setup(tests=True), "-m", "pytest", "tests", "-m", "fuzz", *arguments)


@target
def bench(arguments) -> None:
    """print the tables of ratios against production systems"""
    python = setup(tests=True)
    run(python, ROOT / "tools" / "bench.py", *arguments)
    run(python, ROOT / "tools" / "bench_ir.py", *arguments)


@target
def lint(arguments) -> None:
    """check format, lint and types"""
    python = setup(tests=True)
    run(python, "-m", "ruff", "format", "--check", ".")
    run(python, "-m", "ruff", "check", ".")
    run(python, "-m", "mypy")
    print("format, lint and types are clean.")


@target
def clean(arguments) -> None:
    """remove what was built; .venv stays"""
    for name in ("_build", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    print("removed _build and the caches; `.venv` stays, delete it by hand to start anew.")


def main() -> None:
    listed = "\n".join(f"  {name:10} {f.__doc__}" for name, f in TARGETS.items())
    parser = argparse.ArgumentParser(
        usage="python tools/dev.py TARGET [arguments]   (or: make TARGET)",
        description="targets:\n" + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("target", nargs="?", default="help", choices=[*TARGETS, "help"])
    known, rest = parser.parse_known_args()
    if known.target == "help":
        print(parser.format_help())
    else:
        TARGETS[known.target](rest)


if __name__ == "__main__":
    main()

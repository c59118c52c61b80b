"""`python -m minidl`: small commands for a terminal, on the reader's own files.

Chapter: none.
Real: `mlir-opt`, `stablehlo-translate`; `jax.print_environment_info`.

    run FILE.mlir     evaluate it on arrays, print or save the results
    show FILE.mlir    write one page that walks through its rewriting and lowering
    doctor            what this machine has
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from importlib import import_module

import minidl
from minidl.core.errors import MinidlError

NEGATIVE = re.compile(r"-(\d|\.\d|inf)")  # argparse takes -1e3 for an option, " -1e3" for a value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="minidl", description="a textbook that runs")
    parser.add_argument("--version", action="version", version=f"minidl {minidl.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _run(commands.add_parser("run", help="evaluate a file of MLIR on arrays"))
    _show(commands.add_parser("show", help="write a page that walks through a file of MLIR"))
    commands.add_parser("doctor", help="print versions, CPU features, GPU, and what is absent")
    return parser


def _run(run: argparse.ArgumentParser) -> None:
    arrays = "one for each argument: a .npy or .npz file, or numbers such as 2.5 or [1,2]"
    engines = "the reference meaning, or code compiled for this machine"
    add = run.add_argument
    add("file", help="MLIR text; - reads the standard input")
    add("--input", nargs="*", action="extend", default=[], metavar="ARRAY", help=arrays)
    add("--entry", metavar="NAME", help="the function to run (main)")
    add("--engine", choices=("evaluate", "native"), default="evaluate", help=engines)
    add("--budget", type=int, metavar="OPS", help="how many ops `evaluate` may execute")
    add("--output", metavar="OUT.npz", help="save the results in one archive: out0, out1, …")
    add("--save", metavar="DIR", help="save the results as DIR/out0.npy, …")
    add("--trace", action="store_true", help="print what each op computes")


def _show(show: argparse.ArgumentParser) -> None:
    show.add_argument("file", help="MLIR text; - reads the standard input")
    show.add_argument("-o", "--output", metavar="PAGE.html", help="the page (FILE.html)")


def _on_file(options: argparse.Namespace) -> int:
    """`run` or `show`; an error of the file stands on stderr with its line and a caret."""
    from minidl.commands.given import Given, read

    given = Given("", "")
    command = getattr(import_module(f"minidl.commands.{options.command}"), options.command)
    try:
        given = read(options.file)
        command(given, options)
    except MinidlError as error:
        said = given.explained(error)
    except MemoryError:
        said = "out of memory: the arrays of this program do not fit"
    except BrokenPipeError:
        raise
    except Exception as error:  # a fault of ours: say so, and what it was
        said = f"an error of the engine: {type(error).__name__}: {error}\n"
        said += "hint: it should not be possible; please report it together with the file"
    else:
        return 0
    print(f"error: {said}", file=sys.stderr)
    return 1


def _doctor(options: argparse.Namespace) -> int:
    from minidl.commands.doctor import doctor

    return doctor()


def main(arguments: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show … shows \u2026
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args([f" {w}" if NEGATIVE.match(w) else w for w in words])
    try:
        code = _doctor(options) if options.command == "doctor" else _on_file(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    raise SystemExit(main())

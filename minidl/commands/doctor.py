"""`doctor`: what this machine has, and what is lost without the rest.

Chapter: none.
Real: `jax.print_environment_info`, `python -m numba -s`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys

import minidl

ENGINE = ("numpy", "ml_dtypes", "llvmlite", "numba", "numba-cuda", "matplotlib", "tqdm")
READER = ("ipywidgets", "anywidget", "jupyterlab", "jupyter-book")
ORACLES = ("jax", "jaxlib", "wasmtime", "playwright", "pytest", "hypothesis")
WITHOUT = {
    "llvmlite": "no machine code: reading, tracing and `ir.evaluate` still work",
    "numba-cuda": "no GPU kernels: the PTX emulator still works",
    "jupyterlab": "no notebooks: `pip install -r requirements.txt -c constraints.txt`",
    "jax": "the tests compare with nothing of JAX's: `make test` installs it",
}


def version(package: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def packages() -> list[tuple[str, str]]:
    """Each package with its version, or with what is lost without it."""
    rows = []
    for name in (*ENGINE, *READER, *ORACLES):
        absent = "absent" + (f"; {WITHOUT[name]}" if name in WITHOUT else "")
        rows.append((name, version(name) or absent))
    return rows


def processor() -> list[tuple[str, str]]:
    """The host as LLVM sees it, and the vector features that matter here."""
    if importlib.util.find_spec("llvmlite") is None:
        return [("CPU", platform.machine())]
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    vectors = ("avx2", "fma", "avx512f", "neon", "sve")
    have = [name for name in vectors if features.get(name)]
    return [
        ("CPU", f"{binding.get_host_cpu_name()} ({binding.get_process_triple()})"),
        ("vectors", " ".join(have) or "none beyond the base"),
    ]


def gpu() -> str:
    """The NVIDIA GPU, or why there is none."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "not looked for: numba-cuda is absent"
    try:
        from numba import cuda

        return cuda.get_current_device().name.decode()
    except Exception as error:  # the driver's own errors have no common base
        return f"none ({type(error).__name__}); kernels run on the emulator"


def doctor() -> int:
    """Print versions, CPU features, GPU, and what is absent."""
    rows = [
        ("minidl", minidl.__version__),
        ("Python", f"{sys.version.split()[0]} ({platform.system()} {platform.machine()})"),
        *processor(),
        ("GPU", gpu()),
        *packages(),
    ]
    for name, value in rows:
        print(f"{name:14} {value}")
    return 0

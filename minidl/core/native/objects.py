"""Which symbols an object file still wants: ELF, Mach-O and WebAssembly.

Chapter: ir/llvm.
Sources: System V gABI, "Symbol Table"; Apple's <mach-o/nlist.h>; WebAssembly
core specification 2.0, section 5.5.5 (imports).
Real: the dynamic linker; LLVM's MCJIT does not report a missing symbol, the
call simply jumps to address 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from minidl.core.errors import ParseError

SHT_SYMTAB = 2
LC_SYMTAB = 2
N_STAB, N_TYPE, N_EXT = 0xE0, 0x0E, 0x01


def undefined_symbols(data: bytes) -> tuple[str, ...]:
    """The names that the object file `data` uses and does not define, sorted."""
    if data[:4] == b"\x7fELF":
        names = _elf(data)
    elif data[:4] == b"\xcf\xfa\xed\xfe":
        names = _mach_o(data)
    elif data[:4] == b"\0asm":
        names = _wasm(data)
    else:
        raise ParseError(
            f"not an object file that is known here (it begins with {data[:4]!r})",
            hint="ELF64, Mach-O (64-bit) and WebAssembly objects can be read",
        )
    return tuple(sorted(set(names)))


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def _elf(data: bytes) -> Iterator[str]:
    """Entries of the symbol table whose section index is 0 (SHN_UNDEF)."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind != SHT_SYMTAB:
            continue
        strings = sections[link][4]
        for at in range(offset + 24, offset + length, 24):  # entry 0 is reserved
            name, _, _, section = struct.unpack_from("<IBBH", data, at)
            if section == 0 and name:
                yield _text(data, strings + name)


def _mach_o(data: bytes) -> Iterator[str]:
    """External entries of LC_SYMTAB with type N_UNDF, less the leading underscore."""
    (commands,) = struct.unpack_from("<I", data, 16)
    at = 32
    for _ in range(commands):
        command, size = struct.unpack_from("<II", data, at)
        if command == LC_SYMTAB:
            offset, count, strings, _ = struct.unpack_from("<IIII", data, at + 8)
            for i in range(count):
                name, kind = struct.unpack_from("<IB", data, offset + 16 * i)
                if kind & N_EXT and not kind & N_STAB and not kind & N_TYPE:
                    yield _text(data, strings + name).removeprefix("_")
        at += size


def _wasm(data: bytes) -> Iterator[str]:
    """Imported functions. Memory, table and stack pointer come from the embedder."""
    at = 8
    while at < len(data):
        kind = data[at]
        size, at = _leb(data, at + 1)
        if kind == 2:
            yield from _wasm_imports(data, at)
        at += size


def _wasm_imports(data: bytes, at: int) -> Iterator[str]:
    count, at = _leb(data, at)
    for _ in range(count):
        _, at = _wasm_name(data, at)
        name, at = _wasm_name(data, at)
        kind = data[at]
        at += 1
        if kind == 0:  # function: type index
            yield name
            _, at = _leb(data, at)
        elif kind in (1, 2):  # table (element type, limits), memory (limits)
            at += kind == 1
            flag, at = _leb(data, at)
            for _ in range(1 + (flag & 1)):
                _, at = _leb(data, at)
        else:  # global: value type, mutability
            at += 2


def _wasm_name(data: bytes, at: int) -> tuple[str, int]:
    size, at = _leb(data, at)
    return data[at : at + size].decode(), at + size


def _leb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the offset after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at

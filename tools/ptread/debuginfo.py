# SPDX-License-Identifier: BSD-2-Clause
"""Where the kernel's own data lie, and how: variables and types out of an ELF's symbols and DWARF.

So a structure that changes is read as it then is: no offset, size or constant is written down twice.
Only the compilation units that are asked for are read.
"""

import contextlib
import threading
from dataclasses import dataclass, field

from .trouble import Trouble

MOST_BYTES = 1 << 21        # the image's region: nothing in it is larger


class DebugError(Trouble):
    """The ELF cannot be read, or does not have what is asked for."""


@dataclass
class Type:
    """kind: "number", "pointer", "array", "struct" (unions too) or "enum"."""
    kind: str
    size: int
    signed: bool = False
    members: dict = field(default_factory=dict)     # struct: name: (offset, Type)
    element: "Type | None" = None                   # array; pointer: what it points to, or None
    count: int = 0                                  # array
    names: dict = field(default_factory=dict)       # enum: name: value
    bits: "tuple | None" = None                     # a bit-field's (shift, width) in its bytes


@dataclass(frozen=True)
class Variable:
    address: int
    type: Type


class DebugInfo:
    """One ELF's variables and types, by source file; read when first asked for. Several threads may
    use it."""

    def __init__(self, path):
        try:
            from elftools.elf.elffile import ELFFile
        except ImportError as error:
            raise DebugError(f"{error}: install python3-pyelftools (make deps)") from error
        self.path = path
        self._types = {}        # DIE offset: Type
        self._tops = {}         # file: {(kind, name): DIE}
        self._lock = threading.RLock()      # the file's position is one
        try:
            self._stream = open(path, "rb")
        except OSError as error:
            raise DebugError(f"{path}: {error.strerror or error}") from error
        with self._reading():
            self._elf = ELFFile(self._stream)
            if not self._elf.has_dwarf_info():
                raise DebugError(f"{path}: no debugging information")
            self._dwarf = self._elf.get_dwarf_info()
            self._units = self._find_units()
            self._symbols = self._read_symbols()
            self.build_id = self._read_build_id()

    @contextlib.contextmanager
    def _reading(self):
        """pyelftools trusts what it reads: whatever it stumbles over, the file is what is wrong."""
        with self._lock:
            try:
                yield
            except DebugError:
                raise
            except Exception as error:
                why = str(error).partition("\n")[0] or "it makes no sense"
                raise DebugError(f"{self.path}: cut off or damaged: {why}") from error

    def _read_symbols(self):
        """{name: address} of what the linker script and assembly name, and of all else."""
        table = self._elf.get_section_by_name(".symtab")
        if table is None:
            raise DebugError(f"{self.path}: no symbols")
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()
                if symbol["st_info"]["bind"] == "STB_GLOBAL"}

    def symbol(self, name):
        """The address of a symbol that all of the kernel may use."""
        if name not in self._symbols:
            raise DebugError(f"{self.path}: there is no symbol {name}")
        return self._symbols[name]

    def _read_build_id(self):
        """The GNU build-id in hex; "" if there is none."""
        section = self._elf.get_section_by_name(".note.gnu.build-id")
        notes = section.iter_notes() if section else ()
        return next((note["n_desc"] for note in notes if note["n_type"] == "NT_GNU_BUILD_ID"), "")

    def _find_units(self):
        found = {}
        for unit in self._dwarf.iter_CUs():
            name = unit.get_top_DIE().attributes.get("DW_AT_name")
            if name is not None:
                found.setdefault(name.value.decode(), unit)
        return found

    def _top(self, file):
        if file not in self._tops:
            if file not in self._units:
                raise DebugError(f"{self.path}: no {file} in its debugging information")
            found = self._tops[file] = {}
            for die in self._units[file].get_top_DIE().iter_children():
                name = die.attributes.get("DW_AT_name")
                if name is not None and "DW_AT_declaration" not in die.attributes:
                    found.setdefault((die.tag, name.value.decode()), die)
                elif die.tag == "DW_TAG_variable" and "DW_AT_specification" in die.attributes:
                    declared = die.get_DIE_from_attribute("DW_AT_specification")
                    found[die.tag, declared.attributes["DW_AT_name"].value.decode()] = die
        return self._tops[file]

    def _find(self, file, tag, name):
        die = self._top(file).get((tag, name))
        if die is None:
            raise DebugError(f"{self.path}: {file} defines no {name}")
        return die

    def variable(self, file, name):
        """A variable that this file defines, static ones too."""
        with self._reading():
            return self._variable(file, name)

    def _variable(self, file, name):
        die = self._find(file, "DW_TAG_variable", name)
        where = die.attributes.get("DW_AT_location")
        # DW_OP_addr (DWARF 5, 2.5.1.1) and an address; a list where the optimizer moved it about.
        if where is None or not isinstance(where.value, list) or where.value[0] != 0x03:
            raise DebugError(f"{self.path}: {file}: {name} has no address")
        address = int.from_bytes(bytes(where.value[1:5]), "little")
        typed = die
        if "DW_AT_type" not in die.attributes:
            typed = die.get_DIE_from_attribute("DW_AT_specification")
        return Variable(address, self._type_of(typed))

    def struct(self, file, name):
        with self._reading():
            return self._type(self._find(file, "DW_TAG_structure_type", name))

    def enum(self, file, name):
        """{enumerator: value}"""
        with self._reading():
            return self._type(self._find(file, "DW_TAG_enumeration_type", name)).names

    # -- types -------------------------------------------------------------------------------

    def _type_of(self, die):
        return self._type(die.get_DIE_from_attribute("DW_AT_type"))

    def _type(self, die):
        if die.offset not in self._types:
            made = self._types[die.offset] = self._read_type(die)
            if not 0 <= made.size <= MOST_BYTES or not 0 <= made.count <= MOST_BYTES:
                raise DebugError(f"{self.path}: damaged: a type of {made.size} bytes")
        return self._types[die.offset]

    def _read_type(self, die):
        size = getattr(die.attributes.get("DW_AT_byte_size"), "value", 0)
        tag = die.tag.removeprefix("DW_TAG_")
        if tag in ("typedef", "const_type", "volatile_type"):
            return self._type_of(die) if "DW_AT_type" in die.attributes else Type("number", 0)
        if tag == "base_type":
            # DW_ATE_signed, DW_ATE_signed_char (DWARF 5, 7.8)
            return Type("number", size, die.attributes["DW_AT_encoding"].value in (5, 6))
        if tag == "pointer_type":
            return Type("pointer", size or 4)
        if tag == "enumeration_type":
            names = {child.attributes["DW_AT_name"].value.decode():
                     child.attributes["DW_AT_const_value"].value for child in die.iter_children()}
            return Type("enum", size, names=names)
        if tag == "array_type":
            return self._array(die)
        if tag in ("structure_type", "union_type"):
            made = self._types[die.offset] = Type("struct", size)
            self._add_members(made, die)
            return made
        return Type("number", size)

    def _array(self, die):
        element, counts = self._type_of(die), []
        for child in die.iter_children():
            bound = child.attributes.get("DW_AT_upper_bound")
            count = child.attributes.get("DW_AT_count")
            counts.append(count.value if count else bound.value + 1 if bound else 0)
        for count in reversed(counts):
            element = Type("array", element.size * count, element=element, count=count)
        return element

    def _bit_field(self, die, declared, at):
        """(offset, Type) of just the bytes that it is in: gcc's way (DWARF 5, 5.7.6), or clang's with
        DWARF 4 (its 5.5.6): from the highest bit of the declared type, which lies at `at`."""
        if declared.signed or declared.kind != "number":
            raise DebugError(f"{self.path}: a bit-field as none of the kernel's is")
        width = die.attributes["DW_AT_bit_size"].value
        if "DW_AT_data_bit_offset" in die.attributes:
            first = die.attributes["DW_AT_data_bit_offset"].value
        elif "DW_AT_bit_offset" in die.attributes:
            first = 8 * (at + declared.size) - width - die.attributes["DW_AT_bit_offset"].value
        else:
            first = 8 * at
        shift = first % 8
        return first // 8, Type("number", (shift + width + 7) // 8, bits=(shift, width))

    def _add_members(self, made, die):
        """Those of unnamed structs and unions inside are the outer one's too, as in C."""
        for child in die.iter_children():
            if child.tag != "DW_TAG_member":
                continue
            at = getattr(child.attributes.get("DW_AT_data_member_location"), "value", 0)
            name, inner = child.attributes.get("DW_AT_name"), self._type_of(child)
            if "DW_AT_bit_size" in child.attributes:
                at, inner = self._bit_field(child, inner, at)
            if name is not None:
                made.members[name.value.decode()] = (at, inner)
            else:
                for deeper, (offset, kind) in inner.members.items():
                    made.members[deeper] = (at + offset, kind)

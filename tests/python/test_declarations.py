"""What declare.py reads from the headers is what a C compiler reads there."""

import ctypes
import glob
import os
import re
import subprocess
import tempfile
import unittest

from stoa import declarations as d
from stoa.library import library

INCLUDE = os.path.join(os.environ["STOA_SOURCE_ROOT"], "include")


def structs():
    return {name: kind for name, kind in vars(d).items() if isinstance(kind, type) and issubclass(kind, ctypes.Structure)}


def facts():
    """C expressions and the values they must have."""
    result = {}
    for name, kind in structs().items():
        if name in ("Structure", "BigEndianStructure", "LittleEndianStructure"):
            continue
        result[f"sizeof(struct {name})"] = ctypes.sizeof(kind)
        for field, field_type in kind._fields_:
            result[f"offsetof(struct {name}, {field})"] = getattr(kind, field).offset
            result[f"sizeof(((struct {name} *)0)->{field})"] = ctypes.sizeof(field_type)
    result.update({name: value for name, value in vars(d).items() if name.startswith("STOA_")})
    return result


class Declarations(unittest.TestCase):
    def test_sizes_offsets_and_constants(self):
        expected = facts()
        self.assertGreater(len(expected), 500)
        lines = ["#include <stddef.h>", "#include <stdio.h>"]
        lines += [f"#include <stoa/{os.path.basename(path)}>" for path in sorted(glob.glob(f"{INCLUDE}/stoa/*.h"))]
        lines += ["int main(void)", "{", *(f'    printf("%lld\\n", (long long)({text}));' for text in expected), "}"]
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, "facts.c"), os.path.join(folder, "facts")
            with open(source, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            subprocess.run([*os.environ.get("CC", "cc").split(), "-w", "-I", INCLUDE, source, "-o", program], check=True)
            printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()
        for (text, value), number in zip(expected.items(), printed, strict=True):
            self.assertEqual(value, int(number), text)

    def test_every_function_and_struct_is_declared(self):
        functions, bodies = set(), set()
        for path in glob.glob(f"{INCLUDE}/stoa/*.h"):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            functions |= set(re.findall(r"STOA_API[^;(]*?\b(stoa_\w+)\(", text))
            bodies |= set(re.findall(r"^struct (\w+) \{", text, re.M))
        self.assertGreater(len(functions), 90)
        self.assertEqual(functions, set(d.functions))
        self.assertLessEqual(bodies, set(structs()))

    def test_the_library_has_every_function(self):
        for name in d.functions:
            self.assertTrue(callable(getattr(library, name)), name)


if __name__ == "__main__":
    unittest.main()

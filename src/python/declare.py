"""Writes the module's declarations.py: what include/stoa/*.h say, as ctypes types.

    declare.py HEADER... OUTPUT

Generated at each build, so that the binding cannot fall behind the headers. They are plain C of a few forms (enums,
structs, functions; no typedefs, unions or bit fields), which is all that is read here; anything else is an error."""

import os
import re
import sys

SCALARS = {
    "char": "c_char",
    "int": "c_int",
    "unsigned": "c_uint",
    "unsigned int": "c_uint",
    "long": "c_long",
    "size_t": "c_size_t",
    "float": "c_float",
    "double": "c_double",
    **{f"{sign}int{bits}_t": f"c_{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# Pointers to these are places of array elements, which NumPy gives as addresses.
ELEMENTS = {"float", "uint8_t", "int64_t"}
TOKEN = re.compile(r"[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|<<|[{}()\[\];,*=|]")


def read_in_order(paths):
    """The headers' texts, each after those it includes."""
    by_name = {f"stoa/{os.path.basename(path)}": path for path in paths}
    done, texts = set(), []

    def read(name):
        if name in by_name and name not in done:
            done.add(name)
            with open(by_name[name], encoding="utf-8") as file:
                text = file.read()
            for included in re.findall(r"^#include <(.+?)>", text, re.M):
                read(included)
            texts.append(text)

    for name in by_name:
        read(name)
    return texts


class Headers:
    """Reads the tokens of all headers; `lines` becomes the Python text."""

    def __init__(self, texts):
        self.constants, self.enums, self.structs, self.functions = {}, {}, {}, {}
        self.tokens, self.at = [], 0
        for text in texts:
            text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
            text = re.sub(r"\\\n", " ", text)
            for name, value in re.findall(r"^#define (\w+) (\d+)$", text, re.M):
                self.constants[name] = int(value)
            text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif$", "", text, flags=re.M | re.S)
            text = re.sub(r"^#.*$", "", text, flags=re.M)
            left = re.sub(r"\s+", "", TOKEN.sub("", text))
            if left:
                raise SyntaxError(f"not understood: {left[:40]!r}")
            self.tokens += TOKEN.findall(text)
        # A struct without a body anywhere is opaque.
        pairs = zip(self.tokens, self.tokens[1:], self.tokens[2:])
        self.bodies = {name for word, name, brace in pairs if word == "struct" and brace == "{"}
        while self.at < len(self.tokens):
            self.declaration()

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def take(self, expected=None):
        token = self.peek()
        if expected and token != expected:
            raise SyntaxError(f"{expected!r} expected near {' '.join(self.tokens[self.at - 8:self.at + 4])!r}")
        self.at += 1
        return token

    def declaration(self):
        if self.peek() == "enum" and self.peek(2) == "{":
            self.enum()
        elif self.peek() == "struct" and self.peek(2) == "{":
            self.struct()
        elif self.peek() == "struct" and self.peek(2) == ";":
            self.at += 3
        else:
            self.take("STOA_API")
            if self.peek() == "STOA_CHECKED":
                self.take()
            name, kind, _ = self.declarator(self.base(), parameter=True)
            result, arguments = kind
            self.functions[name] = (result, arguments)
            self.take(";")

    def number(self):
        token = self.take()
        return self.constants[token] if token in self.constants else int(token, 0)

    def enum(self):
        self.take("enum")
        members = self.enums[self.take()] = {}
        self.take("{")
        value = 0
        while self.peek() != "}":
            name = self.take()
            if self.peek() == "=":
                self.take()
                value = self.number()
            members[name] = self.constants[name] = value
            value += 1
            if self.peek() == ",":
                self.take()
        self.take("}")
        self.take(";")

    def struct(self):
        self.take("struct")
        fields = self.structs[self.take()] = []
        self.take("{")
        while self.peek() != "}":
            base = self.base()
            while True:
                fields.append(self.declarator(base, parameter=False))
                if self.peek() != ",":
                    break
                self.take()
            self.take(";")
        self.take("}")
        self.take(";")

    def base(self):
        """The words in front of a declarator, const left out."""
        words = []
        while re.match(r"[A-Za-z_]", self.peek()):
            word = self.take()
            if word in ("enum", "struct"):
                return f"{word} {self.take()}"
            if word != "const":
                words.append(word)
            known = " ".join(words)
            if (known in SCALARS or known == "void") and f"{known} {self.peek()}" not in SCALARS:
                break
        return " ".join(words)

    def declarator(self, base, parameter):
        """(name, type, name of the enum or None); a function's type is (result, parameters)."""
        stars = 0
        while self.peek() in ("*", "const"):
            stars += self.take() == "*"
        if self.peek() == "(":
            self.take("(")
            self.take("*")
            name = self.take()
            self.take(")")
            kinds = [self.pointer(base, stars), *(kind for _, kind in self.parameters())]
            return name, f"CFUNCTYPE({', '.join(kinds)})", None
        name = self.take() if re.match(r"[A-Za-z_]", self.peek()) else ""
        if self.peek() == "(":
            return name, (self.pointer(base, stars), self.parameters()), None
        sizes = []
        while self.peek() == "[":
            self.take("[")
            sizes.append(self.number())
            self.take("]")
        if sizes and parameter:
            raise SyntaxError(f"parameter {name} is an array")
        kind = self.pointer(base, stars)
        for size in reversed(sizes):
            kind = f"{kind} * {size}"
        return name, kind, base[5:] if base.startswith("enum ") and not stars else None

    def parameters(self):
        """[(name, type)]"""
        named = []
        self.take("(")
        if self.peek() == "void" and self.peek(1) == ")":
            self.take()
        while self.peek() != ")":
            name, kind, _ = self.declarator(self.base(), parameter=True)
            named.append((name, kind))
            if self.peek() == ",":
                self.take()
        self.take(")")
        return named

    def pointer(self, base, stars):
        word, _, name = base.partition(" ")
        if word == "struct":
            opaque = name not in self.bodies
            if opaque and not stars:
                raise SyntaxError(f"struct {name} by value, but it has no body")
            kind, stars = ("c_void_p", stars - 1) if opaque else (name, stars)
        elif word == "enum":
            kind = "c_int"
        elif base == "void" or (base in ELEMENTS and stars):
            kind, stars = ("c_void_p", stars - 1) if stars else ("None", 0)
        elif base == "char" and stars:
            kind, stars = "c_char_p", stars - 1
        elif base in SCALARS:
            kind = SCALARS[base]
        else:
            raise SyntaxError(f"type {base!r} is not known")
        return "POINTER(" * stars + kind + ")" * stars

    def lines(self):
        yield '"""What the headers of Stoa declare, written by declare.py."""'
        yield "from ctypes import *"
        yield "from enum import IntEnum"
        yield ""
        for name, value in self.constants.items():
            yield f"{name} = {value}"
        for name, members in self.enums.items():
            kept = {member: value for member, value in members.items() if not member.endswith("_COUNT")}
            prefix = os.path.commonprefix(list(kept))
            prefix = prefix[: prefix.rindex("_") + 1]
            yield f"\n\nclass {name}(IntEnum):"
            yield from (f"    {member[len(prefix):]} = {value}" for member, value in kept.items())
        for name, fields in self.structs.items():
            enums = ", ".join(f'"{field}": {enum}' for field, _, enum in fields if enum)
            yield f"\n\nclass {name}(Structure):"
            yield f"    _enums_ = {{{enums}}}"
        yield "\n"
        for name, fields in self.structs.items():
            text = ", ".join(f'("{field}", {kind})' for field, kind, _ in fields)
            yield f"{name}._fields_ = [{text}]"
        yield "\nfunctions = {"
        for name, (result, parameters) in self.functions.items():
            named = ", ".join(f'("{parameter}", {kind})' for parameter, kind in parameters)
            yield f'    "{name}": ({result}, [{named}]),'
        yield "}"


def main(arguments):
    text = "\n".join(Headers(read_in_order(arguments[:-1])).lines()) + "\n"
    with open(arguments[-1], "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])

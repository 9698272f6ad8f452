#!/usr/bin/env python3
"""Copies ONNX's definition of its format, with the fields of later versions that the engine reads: onnx_proto.py IN OUT."""
import re
import sys

FIELDS = (
    ('NodeProto', 'optional string overload = 8;'),
    ('FunctionProto', 'repeated AttributeProto attribute_proto = 11;'),
    ('FunctionProto', 'optional string overload = 13;'),
)


def with_field(text, message, field):
    """The field stands behind the message's other ones, unless it is among them."""
    found = re.search(r'^message %s \{.*?^\}' % message, text, re.DOTALL | re.MULTILINE)
    if not found:
        sys.exit('onnx_proto.py: there is no message %s' % message)
    body = found.group()
    if ' %s ' % field.split()[2] not in re.sub(r'//.*', '', body):
        body = body[:-1] + '  %s\n}' % field
    return text[:found.start()] + body + text[found.end():]


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        text = file.read()
    for message, field in FIELDS:
        text = with_field(text, message, field)
    with open(sys.argv[2], 'w', encoding='utf-8') as file:
        file.write(text)


main()

"""Builds the wheel, as pip asks for it (PEP 517): Meson builds and installs into a temporary folder, and the module is
packed with the shared libraries beside it. With STOA_LIBRARY naming a libstoa.so that is built, it and the libstoa-data
beside it are packed instead. MESON_OPTIONS (such as "-Dtraining=false") goes to meson setup."""

import base64
import glob
import hashlib
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def _meson(*arguments):
    # pip hides the system's packages from the Python it runs, and with them Meson's own.
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run(["meson", *arguments], check=True, env=environment, stdout=sys.stderr)


def _build(folder):
    """The folder of the module and those of its files that are libraries, by their names in the wheel."""
    build, image = os.path.join(folder, "build"), os.path.join(folder, "image")
    options = ["-Dtests=false", "-Dbench=false", "-Dprefix=/usr", *shlex.split(os.environ.get("MESON_OPTIONS", ""))]
    _meson("setup", build, ROOT, *options)
    library = os.environ.get("STOA_LIBRARY")
    if library:
        _meson("compile", "-C", build, "python-module")
        module = os.path.join(build, "src", "python", "stoa")
        found = [library.replace("libstoa.so", f"libstoa{part}.so") for part in ("", "-data", "-show")]
    else:
        _meson("compile", "-C", build)
        _meson("install", "-C", build, "--no-rebuild", "--quiet", "--destdir", image)
        module = os.path.dirname(glob.glob(f"{image}/**/declarations.py", recursive=True)[0])
        found = glob.glob(f"{image}/**/libstoa*.so", recursive=True)
    return module, {os.path.basename(path): os.path.realpath(path) for path in found if os.path.exists(path)}


def _information():
    """The wheel's name, its tag, and the files of NAME.dist-info but for the list of files."""
    with open(os.path.join(ROOT, "meson.build"), encoding="utf-8") as file:
        version = re.search(r"^  version: '(.+?)'", file.read(), re.M).group(1)
    tag = "py3-none-" + re.sub("[-.]", "_", sysconfig.get_platform())
    return f"stoa-{version}", tag, {
        "METADATA": f"Metadata-Version: 2.1\nName: stoa\nVersion: {version}\nSummary: A CNN engine for the CPU\n"
        "License: BSD-3-Clause\nRequires-Python: >=3.9\nRequires-Dist: numpy\n",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: stoa\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }


def _record_line(path, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name, _, files = _information()
    folder = os.path.join(metadata_directory, f"{name}.dist-info")
    os.makedirs(folder, exist_ok=True)
    for file, text in files.items():
        with open(os.path.join(folder, file), "w", encoding="utf-8") as stream:
            stream.write(text)
    return os.path.basename(folder)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, tag, files = _information()
    contents = {f"{name}.dist-info/{file}": text.encode() for file, text in files.items()}
    with tempfile.TemporaryDirectory() as folder:
        module, libraries = _build(folder)
        paths = {file: os.path.join(module, file) for file in os.listdir(module) if file.endswith(".py")}
        for file, path in {**paths, **libraries}.items():
            with open(path, "rb") as stream:
                contents[f"stoa/{file}"] = stream.read()
    record = f"{name}.dist-info/RECORD"
    lines = [_record_line(path, data) for path, data in contents.items()] + [f"{record},,\n"]
    wheel_name = f"{name}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel_name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in {**contents, record: "".join(lines).encode()}.items():
            wheel.writestr(path, data)
    return wheel_name

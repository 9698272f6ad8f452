"""The module in a process of its own: finding the library, leaving, forking."""

import os
import subprocess
import sys
import tempfile
import unittest

import networks


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


class Process(unittest.TestCase):
    def test_a_library_that_is_not_there(self):
        result = python("import stoa", STOA_LIBRARY="/no/such/libstoa.so")
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, "ImportError: the Stoa library is not there .*/no/such/libstoa.so")

    def test_nothing_is_printed_and_exits_are_clean(self):
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            file.write(networks.conv(8))
            file.flush()
            result = python(
                "import numpy, stoa\n"
                "session = stoa.Session(%r, threads=2)\n"
                "session.run({'x': numpy.zeros((1, 3, 8, 8), 'f')})\n"
                "model = session.model; net = stoa.Net(); trainer = stoa.Trainer(stoa.create_net('lenet5'), threads=2)\n"
                "conv = stoa.Conv2d(numpy.zeros((1, 1, 1, 1), 'f')); conv(numpy.zeros((1, 1, 4, 4), 'f'))\n"
                "session.me = session  # a cycle is left to the end\n" % file.name
            )
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_a_thread_at_work_when_the_program_ends(self):
        code = (
            "import networks, numpy, stoa, threading\n"
            "session, x = stoa.Session(networks.conv(), threads=1), numpy.ones((1, 3, 300, 300), 'f')\n"
            "begun = threading.Event()\n"
            "def work():\n"
            "    while True:\n"
            "        session.run({'x': x})\n"
            "        begun.set()\n"
            "threading.Thread(target=work, daemon=True).start()\n"
            "begun.wait()\n"
        )
        here = os.path.dirname(os.path.abspath(__file__))
        for _ in range(3):
            result = python(code, PYTHONPATH=os.pathsep.join([here, os.environ["PYTHONPATH"]]))
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_modules_that_come_when_they_are_asked_for(self):
        code = "import stoa\nassert stoa.show.filters and stoa.onnx_backend.prepare\nassert not hasattr(stoa, 'other')\n"
        result = python(code)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_a_forked_child_runs(self):
        code = (
            "import networks, numpy, os, stoa\n"
            "x = numpy.ones((1, 3, 8, 8), 'f')\n"
            "session = stoa.Session(networks.conv(), threads=1)\n"
            "y = session.run({'x': x})['y']\n"
            "pid = os.fork()\n"
            "same = numpy.array_equal(stoa.Session(networks.conv(), threads=1).run({'x': x})['y'], y)\n"
            "same = same and numpy.array_equal(session.run({'x': x})['y'], y)\n"
            "if pid == 0: os._exit(0 if same else 1)\n"
            "assert same and os.waitpid(pid, 0)[1] == 0\n"
        )
        here = os.path.dirname(os.path.abspath(__file__))
        result = python(code, PYTHONPATH=os.pathsep.join([here, os.environ["PYTHONPATH"]]))
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))


if __name__ == "__main__":
    unittest.main()

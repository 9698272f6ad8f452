"""Runs the tests of this folder and writes a TAP file, which tests/run counts: run.py TAP_FILE. What is skipped is no
test passed."""

import os
import sys
import unittest


class TapResult(unittest.TextTestResult):
    """Notes each test's end."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lines = []

    def _note(self, word, test):
        self.lines.append(f"{word} {len(self.lines) + 1} - python::{test.id()}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self._note("ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._note("not ok", test)

    def addError(self, test, error):
        super().addError(test, error)
        self._note("not ok", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note("not ok", test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._note("not ok", subtest)


def main(tap):
    folder = os.path.dirname(os.path.abspath(__file__))
    suite = unittest.defaultTestLoader.discover(folder, "test_*.py", folder)
    result = unittest.TextTestRunner(resultclass=TapResult, verbosity=1).run(suite)
    with open(tap, "w", encoding="utf-8") as file:
        file.write("\n".join([*result.lines, f"1..{len(result.lines)}"]) + "\n")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

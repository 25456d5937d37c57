"""What the Python tests count with: check(WHAT, GOOD, DETAIL) says what failed and returns GOOD; closing() prints
"N passed, N failed" and returns the exit code. The test's name is the script's."""
import os
import sys

_name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"not ok {_name}: {what} {detail}", flush=True)
    return good


def closing():
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0

"""Hosts as network namespaces, for tests in Python. Inside a mount and network namespace of the test's own, with a tmpfs on
/run/netns (`hosts` of lib.sh)."""
import ctypes
import os

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def inside(name, work):
    """Runs work() in a namespace; threads of Python share none, so this one goes there and comes back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + name, os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns " + name)
        try:
            return work()
        finally:
            libc.setns(home, CLONE_NEWNET)
    finally:
        os.close(home)
        os.close(there)

#!/usr/bin/env python3
"""Keeps the house in order: which rooms may know which, what the pure ones may not call, what nobody uses any more.

    tests/tidy.py        wants the object files of the release build (build/release) for the calls and the unused parts

Closes with "N passed, N failed"; one check a room, or a kind of mistake.
"""
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OBJECTS = ROOT / "build" / "release"

# Who may include whom, inside the house. A room may always include itself and core/base. CONTRACTS is what comes in
# and what is asked for: data that every machine of the core speaks.
CONTRACTS = {"core/event.h", "core/effect.h", "core/message.h"}
WORLD = CONTRACTS | {"core/world.h"}
BELOW_METHOD = {"core/gossip", "core/raft", "core/acl", "core/state", "core/agent", "core/leader", "store"} | WORLD
MAY_INCLUDE = {
    "core/base": set(),
    "core/gossip": CONTRACTS,
    "core/raft": CONTRACTS,
    "core/acl": CONTRACTS,
    "core/state": {"store", "core/acl"},
    "core/agent": {"store", "core/state", "core/acl", "core/gossip"} | WORLD,
    "core/leader": {"store", "core/state", "core/acl", "core/gossip", "core/raft", "core/agent"} | WORLD,
    "core/method": BELOW_METHOD,
    "core/api": BELOW_METHOD | {"core/method"},
    "core": {"core/*", "store"},
    "store": set(),
    "net": set(),
    "cmd": {"core/*", "core", "net", "store", "cmd/agent"},
    "cmd/agent": {"core/*", "core", "net", "store", "cmd"},
    "cmd/ui": {"cmd"},
}

# The core and the store have no clock, file, socket, thread or dice of their own; store/disk_posix is the store's hand.
BANNED = set("""
time clock clock_gettime gettimeofday nanosleep usleep sleep localtime localtime_r
open openat fopen freopen creat read write pread pwrite pwritev readv writev lseek fsync fdatasync rename unlink mkdir opendir stat lstat
fstat fallocate ftruncate socket bind listen accept accept4 connect send sendto sendmsg sendmmsg recv recvfrom recvmsg
recvmmsg poll select epoll_wait epoll_create1 epoll_ctl eventfd getaddrinfo gethostbyname
rand random srand srandom rand_r getrandom getentropy arc4random
getenv setenv fork vfork execve execvp posix_spawn system popen kill signal sigaction
pthread_create pthread_mutex_lock pthread_rwlock_rdlock pthread_cond_wait thrd_create
printf puts putchar fprintf vfprintf fputs fwrite perror syslog exit _exit
""".split())
ALLOWED = {
    "store/disk_posix": BANNED,
    # An assertion that fails says so before it ends the process.
    "core/base/must": {"fprintf", "fputs", "write", "syslog", "fwrite", "vfprintf"},
}
# Calls that no part of the program writes down.
NEVER_WRITTEN = r"(?<![\w.>])(sprintf|vsprintf|gets|strtok|atof|tmpnam|mktemp|alloca)\("
LINKED_FROM_OUTSIDE = {"net/fortify"}  # BearSSL's archive asks for it
LONGEST = 700

passed = failed = 0


def verdict(what, complaints):
    global passed, failed
    if complaints:
        failed += 1
        for one in sorted(complaints)[:20]:
            print("not ok tidy: %s: %s" % (what, one))
    else:
        passed += 1


def sources(*folders):
    listed = subprocess.run(["git", "ls-files", "--cached", "--", *folders], cwd=ROOT, capture_output=True, text=True).stdout
    return [name for name in listed.split() if name.endswith((".c", ".h")) and (ROOT / name).exists()]


def text(name):
    return (ROOT / name).read_text(errors="replace")


def room(name):
    return str(Path(name).parent)


def may(here, header):
    there = room(header)
    if there == here or there == "core/base":
        return True
    allowed = MAY_INCLUDE.get(here, set())
    return there in allowed or header in allowed or (there.startswith("core/") and "core/*" in allowed)


def includes():
    """{file: [header]} for includes from the root; complaints about others."""
    found, odd = {}, []
    for name in sources("cmd", "core", "net", "store"):
        found[name] = re.findall(r'^#include "([^"]+)"', text(name), re.M)
        odd += ["%s includes %s" % (name, h) for h in found[name] if not (ROOT / h).exists()]
    verdict("includes are written from the root", odd)
    return found


def rooms(found):
    against = defaultdict(list)
    for name, headers in found.items():
        against[room(name)] += ["%s includes %s" % (name, h) for h in headers if not may(room(name), h)]
    for here, complaints in sorted(against.items()):
        if here not in MAY_INCLUDE:
            complaints.append("the table in tests/tidy.py has no such room")
        verdict("what %s may include" % here, complaints)


def symbols(kind):
    """{object without .o: names}: kind 'U' for what it wants, 'T' for functions that it gives."""
    got = defaultdict(set)
    objects = [str(path) for path in sorted(OBJECTS.rglob("*.o"))
               if (ROOT / path.relative_to(OBJECTS).with_suffix(".c")).exists()]
    listing = subprocess.run(["nm", "-A", *objects], capture_output=True, text=True).stdout
    for line in listing.splitlines():
        where, _, rest = line.partition(":")
        letter, name = rest.split()[-2:]
        if letter in kind:
            got[str(Path(where).relative_to(OBJECTS).with_suffix(""))].add(name)
    return got


def calls(wanted):
    for here in ("core", "store"):
        complaints = ["%s calls %s" % (name, call) for name, calls_made in wanted.items() if name.startswith(here + "/")
                      for call in calls_made & BANNED - ALLOWED.get(name, set())]
        verdict("what %s may call" % here, complaints)
    verdict("calls that nobody makes", ["%s calls %s" % (name, call) for name in sources("cmd", "core", "net", "store")
                                        for call in set(re.findall(NEVER_WRITTEN, text(name)))])


def unused(found, wanted, given):
    users = {header for headers in found.values() for header in headers}
    users |= {h for name in sources("tests") for h in re.findall(r'^#include "([^"]+)"', text(name), re.M)}
    verdict("headers that nobody includes", [name for name in found if name.endswith(".h") and name not in users])
    asked = set().union(*(names for name, names in wanted.items() if not name.startswith("tests/")))
    excused = {"cmd/main"} | LINKED_FROM_OUTSIDE
    dead = [name for name, functions in given.items()
            if not name.startswith("tests/") and name not in excused and functions and not functions & asked]
    verdict("files that nobody uses", dead)


def habits():
    ours = sources("cmd", "core", "net", "store", "tests")
    verdict("nothing is left for later", ["%s:%d" % (name, n) for name in ours
                                          for n, line in enumerate(text(name).splitlines(), 1)
                                          if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)])
    verdict("no blanks at the end of a line", [name for name in ours if re.search(r"[ \t]\n", text(name))])
    verdict("every header is guarded", [name for name in ours if name.endswith(".h")
                                        and not re.search(r"^#(pragma once|ifndef \w+)", text(name), re.M)])
    verdict("no file of more than %d lines" % LONGEST, ["%s: %d" % (name, text(name).count("\n")) for name in found_long()])


def found_long():
    return [name for name in sources("cmd", "core", "net", "store") if text(name).count("\n") > LONGEST]


def main():
    found = includes()
    rooms(found)
    wanted, given = symbols("U"), symbols("TDBRVW")
    verdict("there are object files to look at", [] if wanted else ["build first"])
    calls(wanted)
    unused(found, wanted, given)
    habits()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()

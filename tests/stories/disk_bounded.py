#!/usr/bin/env python3
"""Overwrites a set of keys again and again and looks at what the server keeps on disk.

    disk_bounded.py FOLDER [KEYS [ROUNDS]]

FOLDER is the data directory of the agent on 127.0.0.1:8500. Transactions of 64 puts, several at a time. Three times what
the keys and values take is the most that may be there, and what the log takes ahead (AHEAD); the last writes are as fast
as the first. By hand: 1000000 keys of 100 bytes, ten rounds. Closes with "N passed, N failed".
"""
import base64
import http.client
import json
import os
import sys
import threading
import time

folder = sys.argv[1]
KEYS = int(sys.argv[2]) if len(sys.argv) > 2 else 40000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 8
VALUE = base64.b64encode(b"v" * 1000).decode()
WRITERS, OPS = 4, 64
AHEAD = 64 << 20
passed = failed = 0


def check(what, ok, seen=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("not ok disk_bounded:", what, seen)


def used():
    """Bytes of all files, as the disk counts them."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(where, name)).st_blocks * 512
            except OSError:
                pass  # gone meanwhile
    return total


def write(first, last, times):
    connection = http.client.HTTPConnection("127.0.0.1", 8500, timeout=60)
    for at in range(first, last, OPS):
        ops = [{"KV": {"Verb": "set", "Key": "k/%07d" % k, "Value": VALUE}} for k in range(at, min(at + OPS, last))]
        began = time.monotonic()
        connection.request("PUT", "/v1/txn", json.dumps(ops))
        answer = connection.getresponse()
        answer.read()
        times.append(time.monotonic() - began)
        if answer.status != 200:
            raise SystemExit("a write was refused: %d" % answer.status)


def one_round():
    times = []
    share = KEYS // WRITERS
    threads = [threading.Thread(target=write, args=(i * share, (i + 1) * share, times)) for i in range(WRITERS)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        most[0] = max(most[0], used())
        time.sleep(0.05)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


most = [0]
live = KEYS * (1000 + 20)
figures = [one_round() for _ in range(ROUNDS)]
check("three times the live set at most", most[0] <= 3 * live + AHEAD, "%.1f MB for %.1f" % (most[0] / 1e6, live / 1e6))
first, last = figures[1][0], figures[-1][0]
check("the last writes are as fast as the first", last < 4 * first, "%.1f and %.1f ms" % (last * 1e3, first * 1e3))
print("%d writes: at most %.2f times the live set on disk; p99 of a transaction of %d, by round: %s ms" % (
    KEYS * ROUNDS, most[0] / live, OPS, " ".join("%.0f" % (f[1] * 1e3) for f in figures)))
print("%d passed, %d failed" % (passed, failed))

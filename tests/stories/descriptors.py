#!/usr/bin/env python3
"""More connections than an agent has descriptors: those inside are served on, those outside get an answer or are turned
away, and once there is room all is as before. descriptors.py PID. Closes with "N passed, N failed"."""
import os
import socket
import sys
import time

sys.path.insert(0, "tests")
from checks import check, closing  # noqa: E402

pid = int(sys.argv[1])


def connect():
    s = socket.create_connection(("127.0.0.1", 8500), timeout=3)
    return s


def ask(s):
    """Status code of one request, 0 when the connection was turned away."""
    try:
        s.sendall(b"GET /v1/status/leader HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = s.recv(4096)
        return int(answer.split()[1]) if answer else 0
    except (ConnectionError, IndexError):
        return 0
    except socket.timeout:
        return -1


def count():
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu():
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


before = count()
inside = [connect() for _ in range(10)]
check("the first ten are served", [ask(s) for s in inside] == [200] * 10)
crowd = [connect() for _ in range(400)]
time.sleep(0.3)
answers = [ask(s) for s in crowd]
check("some of the crowd are served", answers.count(200) > 20, answers.count(200))
turned_away = [a for a in answers if a in (0, 503)]
check("the others are told or turned away", len(turned_away) > 50, sorted(set(answers)))
check("nobody is left hanging", -1 not in answers, answers.count(-1))
check("those inside are served on", [ask(s) for s in inside] == [200] * 10)
used = cpu()
time.sleep(1)
check("the agent does not spin meanwhile", cpu() - used < 0.3, cpu() - used)
for s in crowd:
    s.close()
time.sleep(0.5)
fresh = [connect() for _ in range(20)]
check("once there is room, all are served", [ask(s) for s in fresh] == [200] * 20)
for s in fresh + inside:
    s.close()
time.sleep(0.5)
check("no descriptor leaks", count() <= before + 2, (before, count()))
sys.exit(closing())

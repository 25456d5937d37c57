#!/usr/bin/env python3
"""Three servers as real processes on 127.0.0.1, .2 and .3, with -bootstrap-expect 3: one log, whoever leads.

    cluster.py BINARY FOLDER [ROUNDS]

Writes through any of them; the leader killed -9, and how long until a write is accepted again; one that was away catches
up by the log, and by a snapshot; all stopped and started again; then ROUNDS times a server is killed at random under
load. Whatever was answered `true` counts as acknowledged and has to be on every server afterwards, and all servers have
to hold the same, with the same indexes. Closes with "N passed, N failed".

BINARIES="A B C" names one for each server, to mix ours with real ones; SEED chooses another order of killing.
"""
import base64
import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 6
binaries = os.environ.get("BINARIES", " ".join([binary] * 3)).split()
WRITERS = 4
random.seed(int(os.environ.get("SEED", "1")))


class Server(Agent):
    """One of the three; `number` is the end of its address."""

    def __init__(self, number):
        others = [flag for n in (1, 2, 3) if n != number for flag in ("-retry-join", "127.0.0.%d" % n)]
        super().__init__(binaries[number - 1], folder, "s%d" % number, "127.0.0.%d" % number, "-server", "-bootstrap-expect",
                         "3", "-config-file", folder + "/quick.json", "-retry-interval", "1s", *others)
        self.number = number
        self.log = os.path.join(folder, self.name + ".log")


def soon(seconds, condition):
    """Is it true within so many seconds? An answer that is none counts as no."""
    def holds_now():
        try:
            return condition()
        except (ValueError, TypeError):
            return False
    return until(seconds, holds_now) is not None


def leader(servers):
    """The number of the server that all who run take for the leader; 0: they do not agree."""
    said = {s.leader() for s in servers if s.running()}
    return int(said.pop().split(".")[3].split(":")[0]) if len(said) == 1 and said != {""} else 0


def await_leader(servers, seconds=20):
    found = []
    soon(seconds, lambda: found.append(leader(servers)) or found[-1])
    return found[-1] if found else 0


def ask(number, verb, path, body=None, timeout=8):
    return servers[number - 1].ask(verb, path, body, timeout)


def put(number, key, value, timeout=8):
    return servers[number - 1].put(key, value, timeout)


def all_of(number):
    """Everything that is replicated and has no clock in it: keys with their indexes, nodes and services. These get another
    index by a snapshot, in Consul's format, so theirs are not compared."""
    rows = []
    for path in ("nodes", "service/consul"):
        for row in json.loads(ask(number, "GET", "/v1/catalog/%s?stale" % path)[1]):
            rows.append({k: v for k, v in row.items() if not k.endswith("Index")})
    return ask(number, "GET", "/v1/kv/?recurse&stale")[1], rows


def equal(servers, what):
    """All hold the same within a moment."""
    states = []
    ok = soon(15, lambda: states.append([all_of(s.number) for s in servers]) or
                all(state == states[-1][0] for state in states[-1]))
    check(what + ": all servers hold the same", ok,
          [(len(keys), rows) for keys, rows in states[-1]] if states else "")


def holds(number, acknowledged):
    """What an acknowledged key lacks on this server."""
    rows = json.loads(ask(number, "GET", "/v1/kv/?recurse&stale", timeout=20)[1] or b"[]")
    there = {row["Key"]: base64.b64decode(row["Value"] or "") for row in rows}
    return [k for k, v in acknowledged.items() if there.get(k) != v]


def end():
    for s in servers:
        if s.running():
            s.end(signal.SIGKILL)
    sys.exit(closing())


# ---- the first leader ----

with open(folder + "/quick.json", "w") as file:
    json.dump({"performance": {"raft_multiplier": 1}}, file)
servers = [Server(n) for n in (1, 2, 3)]
for s in servers[:2]:
    s.start()
time.sleep(1)
check("two of three expected do not begin", leader(servers[:2]) == 0)
servers[2].start()
led = await_leader(servers)
if not led:
    for s in servers:
        print(open(s.log, errors="replace").read()[-2000:])
    check("three elect a leader", False)
    end()
check("three elect a leader", led)
acknowledged = {}
for s in servers:
    key = "through%d" % s.number
    check("a write through server %d" % s.number, put(s.number, key, b"x"))
    acknowledged[key] = b"x"
    check("is read there", ask(s.number, "GET", "/v1/kv/%s?raw" % key)[1] == b"x")
check("all are peers", soon(5, lambda: all(
    len(json.loads(ask(s.number, "GET", "/v1/status/peers")[1])) == 3 for s in servers)))
equal(servers, "at first")

# ---- what was acknowledged is read at once, whoever is asked ----


def read_elsewhere(number, key, value, query=""):
    """Nothing but the value, or no answer at all, will do."""
    status, body = ask(number, "GET", "/v1/kv/%s?raw%s" % (key, query))
    return status in (0, 500) or (status, body) == (200, value)


old = [n for n in range(120)
       if not (put(n % 3 + 1, "fresh", b"%d" % n) and read_elsewhere((n + 1 + n // 3 % 2) % 3 + 1, "fresh", b"%d" % n, ("", "&consistent")[n % 2]))]
check("a write through one server is read at once at another", not old, old)
index = json.loads(ask(1, "GET", "/v1/kv/fresh")[1])[0]["ModifyIndex"]
for query in ("", "&consistent"):
    rows = {}
    waiting = [threading.Thread(target=lambda n: rows.setdefault(n, json.loads(
        ask(n, "GET", "/v1/kv/fresh?index=%d&wait=20s%s" % (index, query), timeout=25)[1])), args=(s.number,)) for s in servers]
    for t in waiting:
        t.start()
    time.sleep(0.2)
    began = time.monotonic()
    put(1, "fresh", b"changed" + query.encode())
    for t in waiting:
        t.join()
    check("who waits for a change hears of it at once at every server", time.monotonic() - began < 5 and len(rows) == 3 and
          all(base64.b64decode(row[0]["Value"]) == b"changed" + query.encode() for row in rows.values()), rows)
    index = rows[1][0]["ModifyIndex"]

# ---- the leader is killed ----

times = []
for _ in range(3):
    led = await_leader(servers)
    through = next(s.number for s in servers if s.number != led)
    check("a write before", put(through, "before", b"1"))
    servers[led - 1].end(signal.SIGKILL)
    began = time.monotonic()
    ok = soon(15, lambda: put(through, "after", b"1", timeout=10))
    times.append(time.monotonic() - began)
    check("a write after the leader was killed", ok)
    servers[led - 1].start()
    check("it comes back and follows", await_leader(servers))
    equal(servers, "after it came back")
print("# leader killed: next write accepted after", ", ".join("%.0f ms" % (t * 1000) for t in times))
check("a write is accepted within 2 s each time", max(times) < (2 if len(set(binaries)) == 1 else 10), times)

# ---- one is away: the log, then a snapshot ----

led = await_leader(servers)
away = next(s for s in servers if s.number != led)
away.end(signal.SIGKILL)
for n in range(200):
    put(led, "log/%d" % n, b"l%d" % n)
away.start()
equal(servers, "caught up by the log")

led = await_leader(servers)
away = next(s for s in servers if s.number != led)
away.end(signal.SIGKILL)
time.sleep(6)  # so long it is waited for
for n in range(60): # more than is kept for followers
    put(led, "snapshot/%d" % n, b"%02d" % n * 150000, timeout=20)
away.start()
equal(servers, "caught up by a snapshot")
log = open(away.log, errors="replace").read()
if binaries[led - 1] == binary and await_leader(servers) == led: # a real one keeps more, and one may have taken over
    check("it was a snapshot", "restored a snapshot" in log or "Installed remote snapshot" in log)
ask(led, "DELETE", "/v1/kv/snapshot?recurse")

# ---- a snapshot is restored: the log has a hole, everybody gets the state ----

led = await_leader(servers)
put(led, "kept", b"1")
status, archive = ask(led, "GET", "/v1/snapshot", timeout=20)
check("a snapshot is saved", status == 200 and archive)
put(led, "forgotten", b"1")
through = next(s.number for s in servers if s.number != led)
status, text = ask(through, "PUT", "/v1/snapshot", archive, timeout=30)
check("it is restored through a follower", status == 200, text)
check("a write after it", soon(10, lambda: put(through, "new", b"1")))
check("what came after it was saved is gone", soon(10, lambda: all(
    ask(s.number, "GET", "/v1/kv/%s?raw&stale" % key)[0] == there
    for s in servers for key, there in (("forgotten", 404), ("kept", 200), ("new", 200)))))
equal(servers, "after it was restored")

# ---- all are stopped ----

for how in (signal.SIGTERM, signal.SIGKILL):
    for s in servers:
        s.process.send_signal(how)
    for s in servers:
        s.process.wait(20)
    for s in servers:
        s.start()
    check("a leader after all were stopped", await_leader(servers))
    check("a write after all were stopped", soon(10, lambda: put(1, "again", b"1")))
    for s in servers:
        check("server %d has all that was acknowledged" % s.number, soon(10, lambda: not holds(s.number, acknowledged)))
    equal(servers, "after all were stopped")

# ---- killed at random under load ----

stop = threading.Event()
written = [0]
unread = []


def writer(me):
    """Each key once: what was answered `true` has to stay."""
    n = 0
    while not stop.is_set():
        n += 1
        key, value = "load/%d/%d" % (me, n), b"%d" % n
        if put(random.choice((1, 2, 3)), key, value, timeout=10):
            acknowledged[key] = value
            written[0] += 1
            if not read_elsewhere(random.choice((1, 2, 3)), key, value):
                unread.append(key)


threads = [threading.Thread(target=writer, args=(me,), daemon=True) for me in range(WRITERS)]
for t in threads:
    t.start()
for n in range(rounds):
    time.sleep(random.uniform(0.2, 1.0))
    victims = random.sample(servers, random.choice((1, 1, 1, 2, 3)))
    for s in victims:
        s.end(signal.SIGKILL)
    time.sleep(random.uniform(0, 0.5))
    for s in victims:
        s.start()
    check("round %d: a leader again" % n, await_leader(servers))
stop.set()
for t in threads:
    t.join(15)
check("what was acknowledged under load is read at once, whoever is asked", not unread, unread[:5])
check("a write in the end", soon(10, lambda: put(1, "end", b"1")))
for s in servers:
    missing = []
    ok = soon(10, lambda: not missing.__init__(holds(s.number, acknowledged)) and not missing)
    check("server %d has all %d acknowledged writes" % (s.number, len(acknowledged)), ok, missing[:5])
equal(servers, "in the end")
print("# %d writes acknowledged while servers were killed" % written[0])

# ---- one leaves, and stays until the others count on it no longer ----

led = await_leader(servers)
leaves = next(s for s in servers if s.number != led)
check("a follower is asked to leave", ask(leaves.number, "PUT", "/v1/agent/leave", timeout=15)[0] == 200)
check("by then it is out of Raft's group", len(json.loads(ask(led, "GET", "/v1/status/peers")[1])) == 2)
end()

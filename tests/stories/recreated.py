#!/usr/bin/env python3
"""recreated.py BINARY FOLDER TIMES: an agent is made anew so many times, at another address each time: with a new id
under the name of its forerunner, and, one time in five, with the forerunner's data directory (so its id) under a new
name. The forerunner was killed just now, has left, or (the first two) is known to be dead. Each newcomer has to be
alive in the eyes of a server and of another client, and in the catalog with its new address, within three seconds of
its start; the forerunner of an id has to be gone from there. One with the id of somebody killed just now has ten: who
hears of it before it hears of that death meets it at the next exchange of states."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
LIMIT = {"name": 3.0, "id": 10.0}


def asked(agent, path):
    status, body = agent.ask("GET", path, timeout=2)
    return json.loads(body) if status == 200 else []


def member(agent, name):
    """(address, status) of a member, in the eyes of an agent; alive is 1, failed 4."""
    return next(((m["Addr"], m["Status"]) for m in asked(agent, "/v1/agent/members") if m["Name"] == name), None)


def in_catalog(server, name):
    """Its address there and whether it is well."""
    node = asked(server, f"/v1/health/node/{name}")
    well = any(c["CheckID"] == "serfHealth" and c["Status"] == "passing" for c in node)
    return well and next((n["Address"] for n in asked(server, "/v1/catalog/nodes") if n["Node"] == name), None)


class Pool:
    def __init__(self):
        self.server = Agent(binary, folder, "server", "127.0.1.1", "-server", "-bootstrap")
        self.client = Agent(binary, folder, "client", "127.0.1.2", "-join", "127.0.1.1")
        self.made = 0
        self.slowest = {"name": 0.0, "id": 0.0}

    def begin(self):
        self.server.start()
        until(15, self.server.leader)
        self.client.start()
        until(15, lambda: member(self.server, "client"))

    def alive(self, a):
        here = [member(self.server, a.name), member(self.client, a.name), member(a, "server")]
        return here == [(a.address, 1), (a.address, 1), ("127.0.1.1", 1)] and in_catalog(self.server, a.name) == a.address

    def make(self, name, data):
        """Made anew; how long it took until it was alive everywhere."""
        self.made += 1
        a = Agent(binary, folder, name, f"127.0.2.{self.made}", "-retry-join", "127.0.1.1", "-retry-interval", "1s",
                  "-data-dir", os.path.join(folder, data))
        a.start()
        return a, until(15, self.alive, a)

    def report(self, what, took):
        self.slowest[what] = max(self.slowest[what], took or 15.0)
        limit = LIMIT[what]
        check(f"{self.made}, by {what}, is alive everywhere within {limit} s", took is not None and took < limit, took)


def end(pool, a, i):
    """The forerunner goes: killed, or it leaves; of the first two everybody knows by then."""
    if i >= 2 and i % 3 == 1:
        check("it leaves in peace", a.end(signal.SIGTERM) == 0)
        return
    a.process.kill()
    a.process.wait()
    if i < 2:
        check("a death is known", until(40, lambda: member(pool.server, a.name)[1] == 4))


def main():
    pool = Pool()
    pool.begin()
    data = "data-0"
    a, took = pool.make("web", data)
    check("the first is there", took is not None)
    for i in range(times):
        by_id = i % 5 == 1
        old = a.name
        end(pool, a, i)
        if by_id:
            a, took = pool.make(f"web-{i}", data)
        else:
            data = f"data-{i + 1}"
            a, took = pool.make(a.name, data)
        pool.report("id" if by_id else "name", took)
        if by_id:
            gone = until(3, lambda: all(n["Node"] != old for n in asked(pool.server, "/v1/catalog/nodes")))
            check(f"{old} has left the catalog to {a.name}", gone is not None)
    for one in (a, pool.client, pool.server):
        one.process.kill()
        one.process.wait()
    print(f"slowest: by name {pool.slowest['name']:.2f} s, by id {pool.slowest['id']:.2f} s")
    sys.exit(closing())


if __name__ == "__main__":
    began = time.monotonic()
    main()

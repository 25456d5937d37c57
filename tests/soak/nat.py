#!/usr/bin/env python3
"""nat.py BINARY FOLDER SECONDS PUBLIC: five agents on the hosts that nat.sh made, those inside behind the address PUBLIC, each with
ports of its own there. Counts what was asked of them, and accusations. Closes with "N passed, N failed"."""
import json
import os
import re
import sys
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402

binary, folder, seconds, public = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
JOIN = "203.0.113.11"


def behind(number):
    """Flags of the agent on inner host NUMBER: what others have to use to reach it."""
    path = os.path.join(folder, f"inner{number}.json")
    at = {name: f"{public}:{port + number * 100}" for name, port in (("rpc", 8300), ("serf_lan", 8301), ("serf_wan", 8302))}
    with open(path, "w") as f:
        json.dump({"advertise_addrs": at}, f)
    return ["-config-file", path]


def members(agent):
    status, body = agent.ask("GET", "/v1/agent/members", timeout=2)
    return json.loads(body) if status == 200 else []


def all_alive(agents):
    return all(sum(m["Status"] == 1 for m in members(a)) == len(agents) for a in agents)


def refutations(agents):
    count = 0
    for a in agents:
        with open(os.path.join(folder, a.name + ".log"), errors="replace") as log:
            count += len(re.findall(r"[Rr]efuting a (suspect|dead) message", log.read()))
    return count


def main():
    server, every = ["-server", "-bootstrap-expect", "3"], ["-retry-join", JOIN, "-retry-interval", "1s"]
    agents = [
        Agent(binary, folder, "outer", JOIN, *server, *every, host="outer"),
        Agent(binary, folder, "inner1", "10.9.0.2", *server, *every, *behind(1), host="inner1"),
        Agent(binary, folder, "inner2", "10.9.0.3", *server, *every, *behind(2), host="inner2"),
        Agent(binary, folder, "inner3", "10.9.0.4", *every, *behind(3), host="inner3"),
        Agent(binary, folder, "client", "203.0.113.12", *every, host="client"),
    ]
    for a in agents:
        a.start()
    check("all are alive to all", until(30, all_alive, agents), [(a.name, len(members(a))) for a in agents])
    check("three servers have a leader", until(30, lambda: agents[-1].put("first", "x")))
    peers = sorted(json.loads(agents[0].ask("GET", "/v1/status/peers")[1]))
    check("known by what they advertise", peers == sorted([JOIN + ":8300", public + ":8400", public + ":8500"]), peers)
    until(10, lambda: all(a.put("first", "x") for a in agents))
    asked, wrong, dead, began = 0, [], 0, time.monotonic()
    while time.monotonic() - began < seconds:
        for a in agents:
            asked += 1
            key = f"{a.name}/{asked}"
            if not a.put(key, key) or a.get(key) != key.encode():
                wrong.append((a.name, round(time.monotonic() - began, 1)))
        dead += not all_alive(agents)
        time.sleep(0.2)
    check(f"none of {asked} calls went wrong", not wrong, wrong[:10])
    check("all were alive to all, all the time", not dead, dead)
    check("nobody was accused", not refutations(agents), refutations(agents))
    moved = sum(open(os.path.join(folder, a.name + ".log"), errors="replace").read().count("New leader elected") for a in agents[:1])
    check("one leader all the time", moved == 1, moved)
    print(f"# {seconds:.0f} s: {asked} writes and reads, {len(wrong)} went wrong; {refutations(agents)} refutations")
    for a in agents:
        a.end()
    return closing()


sys.exit(main())

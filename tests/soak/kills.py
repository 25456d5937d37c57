#!/usr/bin/env python3
"""kills.py BINARY FOLDER SECONDS SERVERS: servers are killed -9 and stalled at random while several clients write, read and
compare-and-set the same few keys through all of them. Every acknowledged write has to be on every server in the end, all
have to hold the same, and what the clients saw of each key has to be linearizable (tests/linear.py): consistent reads in
any case; what default ones saw is counted beside. SEED chooses another order of killing."""
import base64
import http.client
import json
import multiprocessing
import os
import random
import signal
import sys
import time

sys.path.insert(0, "tests")
from agents import Agent, until  # noqa: E402
from checks import check, closing  # noqa: E402
from linear import checks_itself, linearizable  # noqa: E402

binary, folder, seconds, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
seed = int(os.environ.get("SEED", "1"))
CLIENTS, HOT, KEY_S, PAUSE_S = 6, 5, 2, 0.003


class Client:
    """Does one thing after the other and notes (key, began, ended, kind, argument, result, how): `ended` None when it is not
    known what became of it. `how` tells default reads from consistent ones."""

    def __init__(self, name, addresses):
        self.name, self.addresses, self.connections = name, addresses, {}
        self.dice = random.Random(f"{seed} {name}")
        self.history, self.seen, self.acknowledged, self.number = [], {}, [], 0

    def ask(self, method, path, body=None):
        """(status, body), or None: it is not known; status 0: it was never sent."""
        address = self.dice.choice(self.addresses)
        c = self.connections.get(address)
        try:
            if not c:
                c = http.client.HTTPConnection(address, 8500, timeout=12)
                c.connect()
                self.connections[address] = c
        except OSError:
            time.sleep(0.01)
            return 0, b""
        try:
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read()
        except (OSError, http.client.HTTPException):
            c.close()
            del self.connections[address]
            return None

    def note(self, key, began, kind, argument, result, known=True, how=""):
        self.history.append((key, began, time.monotonic() if known else None, kind, argument, result, how))

    def write(self, key, path, kind, argument, value):
        began = time.monotonic()
        answer = self.ask("PUT", path, value)
        if answer and (answer[0] == 0 or b"No cluster leader" in answer[1]):
            return None  # so it says: if it was done after all, somebody will see the value
        known = bool(answer) and answer[0] == 200
        done = known and answer[1].strip() == b"true"
        self.note(key, began, kind, argument, done, known)
        return done

    def read(self, key, how):
        began = time.monotonic()
        answer = self.ask("GET", f"/v1/kv/{key}?{how}")
        if answer and answer[0] in (200, 404):
            row = json.loads(answer[1])[0] if answer[0] == 200 else None
            value = base64.b64decode(row["Value"]).decode() if row else None
            self.note(key, began, "get", None, value, how=how)
            self.seen = {key: (value, row["ModifyIndex"] if row else 0)}

    def once(self):
        self.number += 1
        value, dice = f"{self.name}.{self.number}", self.dice.random()
        key = f"hot/{int(time.monotonic() / KEY_S)}.{self.dice.randrange(HOT)}"
        if dice < 0.2:
            mine = "own/" + value
            if self.write(mine, "/v1/kv/" + mine, "put", value, value):
                self.acknowledged.append(mine)
        elif dice < 0.45:
            self.write(key, "/v1/kv/" + key, "put", value, value)
        elif dice < 0.65 and self.seen:
            (key, (expected, index)), = self.seen.items()
            self.write(key, f"/v1/kv/{key}?cas={index}", "cas", (expected, value), value)
        else:
            self.read(key, self.dice.choice(("consistent", "default")))

    def run(self, over, results):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while not over.is_set():
            self.once()
            time.sleep(PAUSE_S)
        results.put((self.history, self.acknowledged))


class Trouble:
    """What happens to the servers; all of it is undone before the next."""

    def __init__(self, servers):
        self.servers, self.dice, self.done = servers, random.Random(seed), {}

    def kill(self, victims):
        for s in victims:
            s.end(signal.SIGKILL)
        time.sleep(self.dice.uniform(0, 0.7))
        for s in victims:
            s.start()

    def stall(self, victims, killed=()):
        for s in victims:
            s.signal(signal.SIGSTOP)
        self.kill(killed)
        time.sleep(self.dice.uniform(1, 3))
        for s in victims:
            s.signal(signal.SIGCONT)

    def once(self):
        time.sleep(self.dice.uniform(0.1, 1.5))
        few = len(self.servers) // 2
        how = self.dice.choice(("leader", "one", "some", "all", "stall", "stall leader", "stall one, kill another"))
        self.done[how] = self.done.get(how, 0) + 1
        led = [s for s in self.servers if s.leader() == s.address + ":8300"] or self.dice.sample(self.servers, 1)
        if how.startswith("stall"):
            stalled = led[:1] if "leader" in how else self.dice.sample(self.servers, self.dice.randint(1, few))
            others = [s for s in self.servers if s not in stalled]
            self.stall(stalled, self.dice.sample(others, 1) if "another" in how else ())
            return
        most = len(self.servers) - 1
        self.kill({"leader": led[:1], "one": self.dice.sample(self.servers, 1), "all": self.servers,
                   "some": self.dice.sample(self.servers, self.dice.randint(1, most))}[how])


def keys_of(server):
    """{key: (value, index)} of all that it holds."""
    status, body = server.ask("GET", "/v1/kv/?recurse&stale", timeout=60)
    rows = json.loads(body) if status == 200 else []
    return {r["Key"]: (base64.b64decode(r["Value"] or "").decode(), r["ModifyIndex"]) for r in rows}


def judge(histories, final):
    """Keys whose history can't be, (without default reads, with them)."""
    keys = {}
    for history in histories:
        for key, *operation in history:
            keys.setdefault(key, []).append(operation)
    end = time.monotonic()
    bad = []
    for reads in (("", "consistent"), ("", "consistent", "default")):
        bad.append([])
        for key, operations in keys.items():
            last = (end, end + 1, "get", None, final.get(key, (None, 0))[0])
            if not linearizable([tuple(o[:5]) for o in operations if o[5] in reads] + [last]):
                bad[-1].append(key)
    for key in (bad[0] or bad[1])[:1]:
        for operation in sorted(keys[key], key=lambda o: o[0]):
            print("# ", key, operation, flush=True)
        print("#  at last:", final.get(key))
    return bad


def start(servers):
    for s in servers:
        s.start()
    check("new servers become a cluster", until(30, lambda: servers[0].put("first", "first")))
    check("all have a vote", until(30, lambda: servers[0].voters() == count))


def trouble(servers):
    """Histories and acknowledged keys of the clients."""
    over, results = multiprocessing.Event(), multiprocessing.Queue()
    clients = [Client(f"c{n}", [s.address for s in servers]) for n in range(CLIENTS)]
    processes = [multiprocessing.Process(target=c.run, args=(over, results)) for c in clients]
    for p in processes:
        p.start()
    t, end = Trouble(servers), time.monotonic() + seconds
    while time.monotonic() < end:
        t.once()
        gone = [s.name for s in servers if not s.running()]
        check("none ends by itself", not gone, gone)
        for s in servers:
            s.running() or s.start()
    check("writes go on afterwards", until(30, lambda: servers[0].put("last", "last")))
    time.sleep(1)
    over.set()
    got = [results.get(timeout=120) for _ in processes]
    for p in processes:
        p.join()
    print("# " + ", ".join(f"{n} × {how}" for how, n in sorted(t.done.items())))
    return [g[0] for g in got], [k for g in got for k in g[1]]


def main():
    check("the judge judges what is known", not checks_itself(), checks_itself())
    config = os.path.join(folder, "fast.json")
    with open(config, "w") as f:
        f.write('{"performance": {"raft_multiplier": 1}}')
    addresses = [f"127.0.6.{n + 1}" for n in range(count)]
    joins = [f"-retry-join={a}" for a in addresses]
    servers = [Agent(binary, folder, f"s{n}", a, "-server", "-bootstrap-expect", str(count), "-config-file", config,
                     "-retry-interval", "1s", *joins) for n, a in enumerate(addresses)]
    start(servers)
    histories, acknowledged = trouble(servers)
    same = until(30, lambda: len({json.dumps(sorted(keys_of(s).items())) for s in servers}) == 1)
    check("all servers hold the same", same, [len(keys_of(s)) for s in servers])
    final = keys_of(servers[0])
    lost = [k for k in acknowledged if k not in final]
    check(f"none of {len(acknowledged)} keys of one's own that were acknowledged is lost", not lost and acknowledged, lost[:5])
    bad, with_default = judge(histories, final)
    operations = sum(map(len, histories))
    unknown = sum(o[2] is None for h in histories for o in h)
    check("what was seen is linearizable", not bad, bad[:5])
    print(f"# {operations} operations, {unknown} of them without an answer; {len(bad)} keys without a linear history, "
          f"{len(with_default)} with default reads")
    for s in servers:
        s.end()
    return closing()


if __name__ == "__main__":
    sys.exit(main())

"""raft.py CONSUL PEER SCRATCH: see raft.sh. Waits for what it looks for; sleeps for nothing else."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, "tests")
import checks  # noqa: E402
from checks import check  # noqa: E402

CONSUL, PEER, SCRATCH = sys.argv[1:4]
GO = "127.0.0.3:8300"


def wait(look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = look()
        if got:
            return got
        time.sleep(0.02)
    return None


class Ours:
    def __init__(self, name, ip):
        self.name, self.ip, self.dir = name, ip, f"{SCRATCH}/{name}"

    def start(self, *flags):
        config = {"performance": {"raft_multiplier": 1}, "ports": {"dns": -1}, "node_name": self.name, "server": True}
        os.makedirs(self.dir, exist_ok=True)
        with open(f"{self.dir}/config.json", "w") as f:
            json.dump(config, f)
        args = ["-config-file", f"{self.dir}/config.json", "-data-dir", f"{self.dir}/data", "-bind", self.ip, "-client", self.ip]
        with open(f"{self.dir}/log", "ab") as log:
            self.process = subprocess.Popen([CONSUL, "agent", *args, *flags], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()

    def ask(self, path, data=None):
        request = urllib.request.Request(f"http://{self.ip}:8500{path}", data=data, method="PUT" if data is not None else "GET")
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def put(self, key, value):
        return self.ask(f"/v1/kv/{key}", value.encode()).startswith("true")

    def get(self, key):
        return self.ask(f"/v1/kv/{key}?raw&stale")

    def leader(self):
        text = self.ask("/v1/status/leader")
        return json.loads(text) if text else ""


class Theirs:
    def start(self):
        log = open(f"{SCRATCH}/go.log", "ab")
        self.process = subprocess.Popen([PEER, "go", GO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.kill()
        self.process.wait()


a, b, go = Ours("a", "127.0.0.1"), Ours("b", "127.0.0.2"), Theirs()


def group():
    """A group of the three begins with what a has: peers.json, as after a loss."""
    a.start("-bootstrap")
    check("alone a leads", wait(lambda: a.put("first", "1")), a.dir)
    a.end(signal.SIGTERM)
    b.start()
    wait(lambda: os.path.exists(f"{b.dir}/data/node-id"))
    ids = {s.name: open(f"{s.dir}/data/node-id").read().strip() for s in (a, b)}
    servers = [{"id": ids["a"], "address": "127.0.0.1:8300"}, {"id": ids["b"], "address": "127.0.0.2:8300"}, {"id": "go", "address": GO}]
    with open(f"{a.dir}/data/raft/peers.json", "w") as f:
        json.dump(servers, f)
    go.start()
    a.start()


def ours_lead():
    check("one of ours leads", wait(lambda: a.put("second", "2")))
    check("our snapshot is installed there", wait(lambda: go.ask("get", "first") == "1"), go.ask("state"))
    check("and what came later", wait(lambda: go.ask("get", "second") == "2"), go.ask("state"))
    check("b has all", wait(lambda: b.get("second") == "2"))
    for i in range(300):
        a.put(f"many/{i}", "x" * 100)
    check("many writes", wait(lambda: go.ask("get", "many/299") == "x" * 100), go.ask("state"))


def they_lead():
    """The one that stays of ours sleeps until theirs is a candidate."""
    leader = a if a.leader().startswith(a.ip + ":") else b
    other = b if leader is a else a
    leader.end()
    for _ in range(10):
        other.process.send_signal(signal.SIGSTOP)
        wait(lambda: go.ask("state").startswith("Candidate"), 10)
        other.process.send_signal(signal.SIGCONT)
        if wait(lambda: go.ask("state").startswith("Leader"), 4):
            break
    check("theirs leads", go.ask("state").startswith("Leader"), go.ask("state"))
    check("it writes", wait(lambda: go.ask("put", "third", "3") == "ok"))
    check("ours follows", wait(lambda: other.get("third") == "3"))
    check("ours knows the leader", wait(lambda: other.leader() == GO), other.leader())
    for i in range(20):
        go.ask("put", f"more/{i}", "y")
    go.ask("snapshot")
    shutil.rmtree(f"{leader.dir}/data/raft")  # it comes back with nothing, and needs their snapshot
    leader.start()
    check("their snapshot is installed here", wait(lambda: leader.get("third") == "3"))
    check("with what we wrote before", wait(lambda: leader.get("first") == "1" and leader.get("many/299") == "x" * 100))
    go.ask("put", "fourth", "4")
    check("and goes on", wait(lambda: leader.get("fourth") == "4" and leader.get("more/19") == "y"))


def ours_lead_again():
    go.end()
    check("ours lead again", wait(lambda: a.put("fifth", "5") or b.put("fifth", "5")))
    for s in (a, b):
        check(f"{s.name} has all", wait(lambda: [s.get(k) for k in ("first", "second", "third", "fourth", "fifth")] == list("12345")))


try:
    group()
    ours_lead()
    they_lead()
    ours_lead_again()
finally:
    for server in (a, b, go):
        if hasattr(server, "process") and server.process.poll() is None:
            server.process.kill()
if checks.failed:
    for name in ("a/log", "b/log", "go.log"):
        print(f"    ---- {name}")
        print("    " + "    ".join(open(f"{SCRATCH}/{name}", errors="replace").readlines()[-25:]))
sys.exit(checks.closing())

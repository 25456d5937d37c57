"""Agents as processes, for tests in Python: start, ask, stop. Each on a loopback address or a host of its own, standard ports."""
import http.client
import json
import os
import signal as signals
import subprocess
import time

from hosts import inside


class Agent:
    """One agent; its data directory and name stay when it moves to another address. `host` is the network namespace that it
    runs in, if it is another than the test's."""

    def __init__(self, binary, folder, name, address, *flags, host=None):
        self.binary, self.folder, self.name, self.address, self.flags = binary, folder, name, address, flags
        self.host, self.process = host, None

    def start(self, *more):
        a = self.address
        log = open(os.path.join(self.folder, self.name + ".log"), "ab")
        self.process = subprocess.Popen(
            [*(["ip", "netns", "exec", self.host] if self.host else []), self.binary, "agent", "-node", self.name, "-bind", a, "-client", a, "-data-dir",
             os.path.join(self.folder, self.name), *self.flags, *more],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, number=signals.SIGINT, seconds=20):
        """Ends it; its exit status, or None when it had to be killed."""
        self.signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def ask(self, method, path, body=None, timeout=5):
        """(status, body); status 0 when nobody answers."""
        c = http.client.HTTPConnection(self.address, 8500, timeout=timeout)
        try:
            inside(self.host, c.connect) if self.host else c.connect()
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read()
        except OSError:
            return 0, b""
        except http.client.HTTPException:
            return 0, b""
        finally:
            c.close()

    def put(self, key, value, timeout=5):
        return self.ask("PUT", "/v1/kv/" + key, value, timeout) == (200, b"true")

    def get(self, key, query="", timeout=5):
        status, body = self.ask("GET", f"/v1/kv/{key}?raw{query}", timeout=timeout)
        return body if status == 200 else None

    def leader(self):
        status, body = self.ask("GET", "/v1/status/leader", timeout=2)
        try:
            return json.loads(body) if status == 200 else ""
        except ValueError:
            return ""

    def voters(self):
        status, body = self.ask("GET", "/v1/operator/raft/configuration", timeout=2)
        return sum(s["Voter"] for s in json.loads(body)["Servers"]) if status == 200 else 0

    def running(self):
        return self.process is not None and self.process.poll() is None


def until(seconds, what, *arguments):
    """Asks until the answer is true; seconds it took, or None."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if what(*arguments):
            return time.monotonic() - began
        time.sleep(0.02)
    return None

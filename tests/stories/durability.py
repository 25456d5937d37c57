#!/usr/bin/env python3
"""A durable server is killed -9 under load, again and again: nothing it acknowledged may be lost.

    durability.py BINARY FOLDER [ROUNDS]

Four writers put keys of their own, each value once, and a counter that only rises; whatever was answered `true` counts
as acknowledged. After each kill the server starts again on the same folder and everything is read back. What was under
way when it died may be there or not. Wants 127.0.0.1 with its usual ports free. Closes with "N passed, N failed".
"""
import base64
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, "tests")
from checks import check, closing  # noqa: E402

binary, folder = sys.argv[1:3]
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
WRITERS = 4
acknowledged = {}  # key: value, never overwritten
counters = [[0, 0] for _ in range(WRITERS)]  # acknowledged, sent
highest = 0  # the highest index that an answer named


def connect():
    return http.client.HTTPConnection("127.0.0.1", 8500, timeout=5)


def ask(connection, verb, path, body=None):
    connection.request(verb, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def leads():
    try:
        return b":8300" in ask(connect(), "GET", "/v1/status/leader")[1]
    except OSError:
        return False


class Server:
    def __init__(self, number):
        self.log = os.path.join(folder, "agent-%d.log" % number)
        self.process = subprocess.Popen(
            [binary, "agent", "-server", "-bootstrap", "-data-dir", folder + "/data", "-bind", "127.0.0.1", "-node", "d"],
            stdin=subprocess.DEVNULL, stdout=open(self.log, "wb"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while not leads():
            if self.process.poll() is not None or time.monotonic() > end:
                print(open(self.log, errors="replace").read()[-3000:])
                check("round %d: it comes up again" % number, False, self.process.poll())
                self.process.kill()
                sys.exit(closing())
            time.sleep(0.005)

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait(15)


def write(me, number, stop):
    """Puts keys of its own until the server is gone."""
    connection = connect()
    n = 0
    try:
        while not stop.is_set():
            n += 1
            key, value = "d/%d/%d/%d" % (number, me, n), "%x" % random.getrandbits(random.choice((64, 2000, 30000)))
            if ask(connection, "PUT", "/v1/kv/" + key, value)[:2] == (200, b"true"):
                acknowledged[key] = value
            counters[me][1] += 1
            if ask(connection, "PUT", "/v1/kv/counter/%d" % me, str(counters[me][1]))[:2] == (200, b"true"):
                counters[me][0] = counters[me][1]
    except (OSError, http.client.HTTPException):
        pass


def read_back(number):
    global highest
    status, body, headers = ask(connect(), "GET", "/v1/kv/?recurse&consistent")
    rows = {row["Key"]: row for row in json.loads(body)} if status == 200 else {}
    there = {key: base64.b64decode(row["Value"] or "").decode() for key, row in rows.items()}
    lost = [key for key in acknowledged if key not in there]
    check("round %d: nothing acknowledged is lost" % number, not lost, lost[:5])
    wrong = [key for key, value in acknowledged.items() if key in there and there[key] != value]
    check("round %d: values are what was written" % number, not wrong, wrong[:5])
    now = [int(there.get("counter/%d" % me, 0)) for me in range(WRITERS)]
    between = all(acked <= n <= sent for n, (acked, sent) in zip(now, counters))
    check("round %d: counters stand between acknowledged and sent" % number, between, (now, counters))
    index = int(headers["X-Consul-Index"])
    check("round %d: the index does not go back" % number, index >= highest, (index, highest))
    highest = max([index] + [row["ModifyIndex"] for row in rows.values()])


server = Server(0)
ask(connect(), "PUT", "/v1/catalog/register", json.dumps({"Node": "ext", "Address": "192.0.2.1", "Service": {"Service": "db"}}))
session = json.loads(ask(connect(), "PUT", "/v1/session/create", '{"Node":"ext","Checks":[]}')[1])["ID"]
check("a lock", ask(connect(), "PUT", "/v1/kv/lock?acquire=" + session, "held")[1] == b"true")
for number in range(1, rounds + 1):
    stop = threading.Event()
    writers = [threading.Thread(target=write, args=(me, number, stop)) for me in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(random.uniform(0.05, 0.4))
    server.end(signal.SIGKILL)
    stop.set()
    for writer in writers:
        writer.join()
    server = Server(number)
    read_back(number)
check("there was load", len(acknowledged) > rounds * 20, len(acknowledged))
lock = json.loads(ask(connect(), "GET", "/v1/kv/lock")[1])[0]
check("the lock is still held", lock.get("Session") == session, lock)
check("the external service is still there", b"db" in ask(connect(), "GET", "/v1/catalog/services")[1])
status = server.end(signal.SIGTERM)
check("SIGTERM ends it with 1, as servers end", status == 1, status)
server = Server(rounds + 1)
read_back(rounds + 1)
server.end(signal.SIGKILL)
sys.exit(closing())

"""Many writes of many keys, for tests in Python: processes that put transactions of 64 keys and note how long each took."""
import base64
import http.client
import json
import multiprocessing
import time

OPS = 64


def body_of(first, value):
    """The transaction as a text in which only the keys are to be filled in: `% (first, first + 1, …)`."""
    op = {"KV": {"Verb": "set", "Key": "k/%07d", "Value": base64.b64encode(value).decode()}}
    return json.dumps([op] * first)


def write(address, first, last, value, times):
    """Puts the keys of first … last - 1; gives (began, seconds) of each transaction to `times`, or why it was refused."""
    took, whole = [], body_of(OPS, value)
    connection = http.client.HTTPConnection(address, 8500, timeout=120)
    try:
        for at in range(first, last, OPS):
            n = min(OPS, last - at)
            began = time.monotonic()
            connection.request("PUT", "/v1/txn", (whole if n == OPS else body_of(n, value)) % tuple(range(at, at + n)))
            answer = connection.getresponse()
            text = answer.read()
            took.append((began, time.monotonic() - began))
            if answer.status != 200:
                raise OSError(f"a write was refused: {answer.status} {text[:200]}")
    except (OSError, http.client.HTTPException) as error:
        times.put(str(error) or repr(error))
        return
    times.put(took)


class Writers:
    """`count` of them share the keys 0 … keys - 1 and begin at once."""

    def __init__(self, address, keys, value, count=4):
        self.times = multiprocessing.Queue()
        share = keys // count
        self.processes = [multiprocessing.Process(target=write, args=(
            address, i * share, (i + 1) * share if i + 1 < count else keys, value, self.times), daemon=True) for i in range(count)]
        for p in self.processes:
            p.start()

    def writing(self):
        return self.times.qsize() < len(self.processes) and any(p.is_alive() for p in self.processes)

    def took(self):
        """All (began, seconds), when they have ended; raises what one of them met."""
        got = [self.times.get(timeout=900) for _ in self.processes]
        for p in self.processes:
            p.join()
        errors = [g for g in got if isinstance(g, str)]
        if errors:
            raise OSError(errors[0])
        return [t for g in got for t in g]


def part(times, share):
    """The value below which that share of the times lies."""
    times = sorted(times)
    return times[min(int(len(times) * share), len(times) - 1)] if times else 0

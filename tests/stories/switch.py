"""switch.py EXPECTED.json BASE_URL: asks an agent what a real server answered after its restart on the same data directory,
and says where the answers differ. What a restart changes by itself is left out: a node's own row and checks come back
through anti-entropy, under newer indexes; coordinates move."""
import hashlib
import base64
import json
import sys
import urllib.request

LATER = ("/v1/acl/", "/v1/query", "/v1/coordinate/")
OWN = "alpha"


def elided(value):
    """Large values stand in the file as their length and sum."""
    if not isinstance(value, str) or len(value) < 4096:
        return value
    raw = base64.b64decode(value)
    return "@elided len=%d sha256=%s" % (len(raw), hashlib.sha256(raw).hexdigest())


def shape(v, own=False):
    if isinstance(v, dict):
        node = v.get("Node")
        own = own or OWN in (node, node.get("Node") if isinstance(node, dict) else None)
        drop = {"CreateIndex", "ModifyIndex"} if own and "Key" not in v and "ID" not in v.get("Checks", {}) else set()
        return {k: elided(shape(x, own)) for k, x in v.items() if k not in drop}
    if isinstance(v, list):
        return [shape(x, own) for x in v]
    return v


def ask(base, path):
    try:
        with urllib.request.urlopen(base + path, timeout=10) as r:
            return json.load(r)
    except urllib.error.HTTPError as e:
        return "%d %s" % (e.code, e.read().decode(errors="replace"))


def difference(where, want, got):
    if type(want) is not type(got) or not isinstance(want, (dict, list)):
        return [] if want == got else ["%s: expected %s, got %s" % (where, json.dumps(want), json.dumps(got))]
    if isinstance(want, dict):
        keys = sorted(set(want) | set(got))
        return [d for k in keys for d in difference("%s.%s" % (where, k), want.get(k, "(absent)"), got.get(k, "(absent)"))]
    if len(want) != len(got):
        return ["%s: %d items expected, got %d" % (where, len(want), len(got))]
    return [d for i, (a, b) in enumerate(zip(want, got)) for d in difference("%s[%d]" % (where, i), a, b)]


def main():
    with open(sys.argv[1]) as f:
        expected = json.load(f)
    found = []
    for path, want in expected.items():
        if not path.startswith(LATER):
            found += difference(path, shape(want), shape(ask(sys.argv[2], path)))
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()

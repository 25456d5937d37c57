"""Holds a process to a part of one processor, as a container's limit does (the cpu controller of cgroups, v1 or v2), so that
several servers on a small machine can stand for as many small machines. Wants root."""
import os

ROOTS = ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup")
PERIOD_US = 20000
made = []


def hold(pid, part):
    """From now on `pid` gets `part` (0.25: a quarter) of one processor. False where no controller can be had."""
    root = next((r for r in ROOTS if os.path.isdir(r) and os.access(r, os.W_OK)), None)
    if not root:
        return False
    group = os.path.join(root, "bench-%d" % pid)
    quota = int(part * PERIOD_US)
    try:
        os.mkdir(group)
        made.append(group)
        if os.path.exists(group + "/cpu.cfs_quota_us"):
            put(group + "/cpu.cfs_period_us", PERIOD_US)
            put(group + "/cpu.cfs_quota_us", quota)
        else:
            put(root + "/cgroup.subtree_control", "+cpu")
            put(group + "/cpu.max", "%d %d" % (quota, PERIOD_US))
        put(group + "/cgroup.procs", pid)
    except OSError:
        return False
    return True


def put(path, value):
    with open(path, "w") as f:
        f.write(str(value))


def end():
    """Takes the groups away; to be called when their processes have ended."""
    while made:
        os.rmdir(made.pop())

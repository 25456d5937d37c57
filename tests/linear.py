"""Is a recorded history of one key linearizable? (Wing and Gong's search, with Lowe's memory of what was tried.)

An operation is (began, ended, kind, argument, result); times from one clock, `ended` None when nobody knows whether it
was done, or will be. Kinds, with what they are of a register that holds a value or None:

    put VALUE                 get -> VALUE or None
    cas (EXPECTED, VALUE)     -> True: it was EXPECTED and is VALUE now; False: it was something else
"""


def step(value, kind, argument, result, known):
    """(possible, value afterwards)"""
    if kind == "put":
        return True, argument
    if kind == "get":
        return value == result, value
    expected, new = argument
    was = value == expected
    return not known or was == result, new if was else value


class Event:
    __slots__ = ("number", "back", "before", "after")

    def __init__(self, number, back):
        self.number, self.back = number, back  # back: the event of its return; None: this one is a return
        self.before = self.after = None


def chain(operations):
    """A list of calls and returns in the order of time, behind a head."""
    times = []
    for number, (began, ended, *_) in enumerate(operations):
        back = Event(number, None)
        times.append((began, 0, number, Event(number, back)))
        times.append((float("inf") if ended is None else ended, 1, number, back))
    head = last = Event(-1, None)
    for *_, event in sorted(times, key=lambda t: t[:3]):
        last.after, event.before, last = event, last, event
    return head


def take_out(event):
    for e in (event, event.back):
        e.before.after = e.after
        if e.after:
            e.after.before = e.before


def put_back(event):
    for e in (event.back, event):
        e.before.after = e
        if e.after:
            e.after.before = e


def linearizable(operations):
    head = chain(operations)
    done, value, stack, tried = 0, None, [], set()
    event = head.after
    while head.after:
        if event.back:
            _, ended, *what = operations[event.number]
            possible, then = step(value, *what, ended is not None)
            state = (done | 1 << event.number, then)
            if possible and state not in tried:
                tried.add(state)
                stack.append((event, done, value))
                done, value = state
                take_out(event)
                event = head.after
            else:
                event = event.after
        elif stack:
            event, done, value = stack.pop()
            put_back(event)
            event = event.after
        else:
            return False
    return True


def checks_itself():
    """Histories that are known to be good or bad; the names of those it judges wrongly."""
    histories = {
        "one after the other": (True, [(0, 1, "put", "a", None), (2, 3, "get", None, "a")]),
        "an old value": (False, [(0, 1, "put", "a", None), (2, 3, "put", "b", None), (4, 5, "get", None, "a")]),
        "a lost write": (False, [(0, 1, "put", "a", None), (2, 3, "get", None, None)]),
        "at the same time": (True, [(0, 9, "put", "a", None), (1, 2, "get", None, None), (3, 4, "get", None, "a")]),
        "there and back": (False, [(0, 9, "put", "a", None), (1, 2, "get", None, "a"), (3, 4, "get", None, None)]),
        "done late": (True, [(0, None, "put", "a", None), (5, 6, "get", None, None), (7, 8, "get", None, "a")]),
        "done twice": (False, [(0, None, "put", "a", None), (1, 2, "get", None, "a"), (3, 4, "put", "b", None),
                               (5, 6, "get", None, "a")]),
        "two that exchange": (False, [(0, 1, "put", "a", None), (2, 9, "cas", ("a", "b"), True),
                                      (2, 9, "cas", ("a", "c"), True)]),
        "one that exchanges": (True, [(0, 1, "put", "a", None), (2, 9, "cas", ("a", "b"), True),
                                      (2, 9, "cas", ("a", "c"), False), (10, 11, "get", None, "b")]),
        "an exchange that may be": (True, [(0, 1, "put", "a", None), (2, None, "cas", ("a", "b"), None),
                                           (3, 4, "get", None, "a"), (5, 6, "get", None, "b")]),
    }
    return [name for name, (good, history) in histories.items() if linearizable(history) != good]

"""The order in which nodes can be built."""

from __future__ import annotations

from collections.abc import Sequence


def sort(uses: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The order in which every node follows those it uses, otherwise that of the file, and the cycles found.

    `uses[i]` are the nodes whose values node i uses. Each node of a cycle uses the next, and they are in the order,
    too. At most one cycle is found from each start, which bounds the time. No recursion: a chain may be long.
    """
    order: list[int] = []
    cycles: list[list[int]] = []
    state = [0] * len(uses)  # 1 while on the path, 2 when done
    for start in range(len(uses)):
        if state[start]:
            continue
        path, pending, found = [start], [iter(uses[start])], False
        state[start] = 1
        while path:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                node = path.pop()
                state[node] = 2
                order.append(node)
            elif state[following] == 0:
                state[following] = 1
                path.append(following)
                pending.append(iter(uses[following]))
            elif state[following] == 1 and not found:
                cycles.append(path[path.index(following) :])
                found = True
    return order, cycles

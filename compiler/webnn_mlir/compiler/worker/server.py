"""The child's side of the worker: reads requests, runs jobs, answers."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

Json = dict[str, Any]


def main() -> None:
    # Native code prints to standard output at will: the answers get a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(message: Json) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    from .. import iree, jobs

    limit, linking = json.loads(sys.argv[1])
    if not linking:
        iree.leave_unlinked()
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    for line in sys.stdin:
        request = json.loads(line)
        send(jobs.run(request, send))


if __name__ == "__main__":
    main()

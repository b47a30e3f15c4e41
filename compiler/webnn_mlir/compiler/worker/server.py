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

    from webnn_mlir.dialects.webnn import Diagnostic

    from .. import iree, jobs

    limit, linking = json.loads(sys.argv[1])
    if not linking:
        iree.leave_unlinked()
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    for line in sys.stdin:
        try:
            answer = jobs.run(json.loads(line), send)
        except MemoryError:
            if limit is not None:
                # The caller knows what this says of a child with a limit. There may be no memory for a traceback.
                os.write(2, b"MemoryError")
                os._exit(1)
            answer = jobs.failure([Diagnostic("the compiler ran out of memory")])
        send(answer)


if __name__ == "__main__":
    main()

"""webnn-mlir: W3C WebNN graphs through MLIR and IREE to native artifacts.

    import webnn_mlir
    webnn_mlir.compile("model.webnn").save("model.vmfb")
    outputs = webnn_mlir.load("model.vmfb").run(x=x)
"""

from pkgutil import extend_path
from typing import TYPE_CHECKING

# In a source tree the package lies under four roots: compiler, dialects, runtime and tools.
__path__ = extend_path(__path__, __name__)

from webnn_mlir.dialects.lazy import at_first_use

if TYPE_CHECKING:
    from webnn_mlir.dialects.webnn import GraphError
    from webnn_mlir.runtime import (
        ML,
        Artifact,
        ArtifactError,
        ExecutionError,
        MLContext,
        MLGraph,
        MLGraphBuilder,
        MLTensor,
        compile,
        load,
    )

# Names are imported when they are first used, so that `import webnn_mlir` costs nothing.
_HOMES = {
    "ML": "webnn_mlir.runtime",
    "Artifact": "webnn_mlir.runtime",
    "ArtifactError": "webnn_mlir.runtime",
    "ExecutionError": "webnn_mlir.runtime",
    "GraphError": "webnn_mlir.dialects.webnn",
    "MLContext": "webnn_mlir.runtime",
    "MLGraph": "webnn_mlir.runtime",
    "MLGraphBuilder": "webnn_mlir.runtime",
    "MLTensor": "webnn_mlir.runtime",
    "compile": "webnn_mlir.runtime",
    "load": "webnn_mlir.runtime",
}

__all__ = [
    "ML",
    "Artifact",
    "ArtifactError",
    "ExecutionError",
    "GraphError",
    "MLContext",
    "MLGraph",
    "MLGraphBuilder",
    "MLTensor",
    "compile",
    "load",
]

__getattr__, __dir__ = at_first_use(__name__, _HOMES)

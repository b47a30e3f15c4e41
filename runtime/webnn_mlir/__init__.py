"""webnn-mlir: W3C WebNN graphs through MLIR and IREE to native artifacts.

    import webnn_mlir
    webnn_mlir.compile("model.webnn").save("model.vmfb")
    outputs = webnn_mlir.load("model.vmfb").run(x=x)
"""

from pkgutil import extend_path

# In a source tree the package lies under four roots: compiler, dialects, runtime and tools.
__path__ = extend_path(__path__, __name__)

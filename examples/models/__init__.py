"""The models that the examples, the tests and the table of docs/models.md run, and what goes into and out of them.

Nothing in here depends on the compiler: `onnxruntime` runs the same files on the same inputs.
"""

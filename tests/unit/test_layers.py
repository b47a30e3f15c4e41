"""Who may import what: dialects <- compiler, dialects <- runtime, tools over all; and nothing heavy too early."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
ROOTS = {name: REPOSITORY / name / "webnn_mlir" for name in ("dialects", "compiler", "runtime", "tools")}
TOOLS = {e.name: e for e in distribution("webnn-mlir").entry_points if e.group == "console_scripts"}
HEAVY = {"iree.compiler", "iree.runtime", "jax", "numpy"}
DECLARATIONS = {"webnn_mlir.dialects.webnn.declaration", "webnn_mlir.dialects.webnn.declared"}


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name. `lazy` is one inside a function; type checkers' imports are left out."""

    file: str
    module: str
    lazy: bool

    def of(self, *packages: str) -> bool:
        return any(self.module == p or self.module.startswith(f"{p}.") for p in packages)


def imports(layer: str) -> list[Import]:
    root = ROOTS[layer]
    return [i for path in sorted(root.rglob("*.py")) for i in _imports(path, root)]


def _imports(path: Path, root: Path) -> Iterator[Import]:
    package = ("webnn_mlir", *path.relative_to(root).with_suffix("").parts)[:-1]
    file = str(path.relative_to(REPOSITORY))

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (Import(file, alias.name, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from package import module` may name a module.
            yield from (Import(file, f"{module}.{alias.name}", lazy) for alias in node.names)
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    yield from visit(ast.parse(path.read_text(), str(path)), False)


def ours(*layers: str) -> list[str]:
    return [f"webnn_mlir.{layer}" for layer in layers]


def test_dialects_import_nothing_above_them_and_numpy_only_when_needed() -> None:
    for found in imports("dialects"):
        assert found.of(*ours("dialects"), *sys.stdlib_module_names) or (found.of("numpy") and found.lazy), found


def test_compiler_imports_dialects_and_the_compiler_of_iree() -> None:
    for found in imports("compiler"):
        assert not found.of(*ours("runtime", "tools"), "jax", "jaxlib", "rich"), found
        assert found.of("iree.compiler") or not found.of("iree") or found.lazy, found


def test_runtime_has_one_door_to_the_compiler() -> None:
    allowed = [*ours("dialects", "runtime"), "iree.runtime", "numpy", *sys.stdlib_module_names]
    outside = [i for i in imports("runtime") if not i.of(*allowed)]
    assert {i.file for i in outside} == {"runtime/webnn_mlir/runtime/compiled.py"}
    assert {i.module for i in outside} == {"webnn_mlir.compiler.driver"}
    assert all(i.lazy for i in outside)


DISTRIBUTIONS = {
    "iree.compiler": "iree-base-compiler",
    "iree.runtime": "iree-base-runtime",
    "iree._runtime_libs": "iree-base-runtime",
    "google": "protobuf",
    "ml_dtypes": "ml-dtypes",
    "onnx_ir": "onnx-ir",
}


def needed(*layers: str) -> set[str]:
    """The distributions whose modules some layers import."""
    modules = {".".join(i.module.split(".")[: 2 if i.of("iree") else 1]) for i in chain(*map(imports, layers))}
    return {DISTRIBUTIONS.get(m, m) for m in modules - {"webnn_mlir"} - set(sys.stdlib_module_names)}


def declared(*extras: str) -> set[str]:
    """The distributions that are required without an extra and with some."""
    found = set()
    for requirement in map(Requirement, distribution("webnn-mlir").requires or ()):
        chosen = [e for e in ("", *extras) if not requirement.marker or requirement.marker.evaluate({"extra": e})]
        if chosen and requirement.name != "webnn-mlir":
            found.add(requirement.name)
    return found


def test_requirements_are_what_is_imported() -> None:
    assert needed("dialects", "runtime") - {"iree-base-compiler"} <= declared()
    # What jax.export imports itself, and JAX does not require.
    others = {"flatbuffers"}
    all_layers = needed("dialects", "runtime", "compiler", "tools")
    assert all_layers | others == declared("compiler", "onnx", "xla", "benchmark")


def loaded(code: str) -> tuple[set[str], str]:
    """The modules that a fresh interpreter has loaded after some code, and what the code printed."""
    report = "import sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(root.parent) for root in ROOTS.values())}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, env=environment, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1])), done.stdout


@pytest.mark.parametrize("module", ["webnn_mlir", "webnn_mlir.dialects.webnn"])
def test_these_import_without_iree_and_numpy(module: str) -> None:
    assert not loaded(f"import {module}")[0] & (HEAVY | DECLARATIONS)


def test_loading_an_artifact_needs_no_compiler() -> None:
    modules, _ = loaded("from webnn_mlir import Artifact, MLGraphBuilder, compile, load")
    assert "webnn_mlir.runtime.artifact" in modules
    assert not {m for m in modules if m.startswith(("iree.compiler", "webnn_mlir.compiler"))}


def test_a_run_from_the_cache_needs_no_compiler_and_no_declarations(tmp_path: Path) -> None:
    (tmp_path / "g.webnn").write_text(
        'webnn_graph "g" v1 { inputs { x: f32[2]; } nodes { y = neg(x); } outputs { y; } }'
    )
    code = f"""
import numpy as np
from webnn_mlir import compile
compiled = compile({str(tmp_path / "g.webnn")!r}, opt_level=0, cache_dir={str(tmp_path / "cache")!r})
print(compiled.cached, compiled.run(x=np.ones(2, np.float32))["y"].tolist())
"""
    assert loaded(code)[1] == "False [-1.0, -1.0]\n"
    modules, output = loaded(code)
    assert output == "True [-1.0, -1.0]\n"
    assert not modules & {*DECLARATIONS, "iree.compiler", "webnn_mlir.compiler.frontend", "onnx_ir", "sympy"}
    # Slow to import, and only needed where something is waited for.
    assert not modules & {"asyncio", "filelock", "importlib.metadata"}


def test_a_model_is_read_without_the_parsers_of_graphs(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    given, taken = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    model = helper.make_model(helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [given], [taken]))
    (tmp_path / "g.onnx").write_bytes(model.SerializeToString())
    code = (
        f"from webnn_mlir.compiler.frontend import read_graph; print(*read_graph({str(tmp_path / 'g.onnx')!r}).outputs)"
    )
    modules, output = loaded(code)
    assert output == "y\n"
    assert not modules & {"jsonschema", "lark"}


def test_ops_of_linalg_are_handled_without_classes_for_them() -> None:
    code = """
from webnn_mlir.compiler import jobs
text = "%0 = tensor.empty() : tensor<2xf32>  %1 = linalg.fill ins(%x : f32) outs(%0 : tensor<2xf32>) -> tensor<2xf32>"
program = jobs.parse_mlir(f"func.func @f(%x: f32) {{ {text} return }}".encode(), "-")
print([op.name for op in program.module.body.operations[0].regions[0].blocks[0].operations])
"""
    modules, output = loaded(code)
    assert "linalg.fill" in output
    assert not {m for m in modules if m.startswith("iree.compiler.dialects.linalg")}


@pytest.mark.parametrize("needed", ["iree.compiler", "filelock", "jsonschema", "lark", "platformdirs"])
def test_what_is_missing_for_compiling_is_said(needed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from webnn_mlir.runtime.compiled import compiler

    monkeypatch.setitem(sys.modules, needed, None)
    with pytest.raises(ImportError, match=r"pip install 'webnn-mlir\[compiler\]'"):
        compiler()


def test_there_are_tools() -> None:
    assert {"webnn-compile", "webnn-config", "webnn-opt", "webnn-run"} <= set(TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_help_shows_an_example_and_imports_nothing_heavy(tool: str) -> None:
    module = TOOLS[tool].module
    code = f"from {module} import main\ntry: main(['--help'])\nexcept SystemExit as end: assert not end.code"
    modules, output = loaded(code)
    assert output.startswith(f"usage: {tool} ")
    assert re.search(rf"^examples?:\n  {tool}", output, re.MULTILINE)
    # All of the conformance runner is about arrays and operators.
    needless = HEAVY - {"numpy"} if tool == "webnn-conformance" else HEAVY | DECLARATIONS
    assert not modules & needless

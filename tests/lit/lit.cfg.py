"""The FileCheck tests: `lit tests/lit`, or through CMake's `check-webnn`."""

# `config` and `lit_config` are there when lit runs this file.
# ruff: noqa: F821

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

import lit.formats

repository = Path(__file__).resolve().parents[2]
scripts = sysconfig.get_path("scripts")

config.name = "webnn-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".webnn", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = str(Path(__file__).parent)
# Outputs stay out of the source tree's way.
config.test_exec_root = lit_config.params.get("exec_root", str(repository / "build" / "lit"))

# The tools of the Python that runs lit come first, whatever else is installed.
config.environment["PATH"] = os.pathsep.join([scripts, config.environment["PATH"]])
for tool, package in [("webnn-opt", '-e ".[test]"'), ("webnn-compile", '-e ".[test]"'), ("filecheck", "filecheck")]:
    if not shutil.which(tool, path=scripts):
        lit_config.fatal(f"no {tool} in {scripts}: {sys.executable} -m pip install {package}")

config.substitutions.append(("%examples", str(repository / "examples")))
config.substitutions.append(("%python", sys.executable))

config.available_features.add(platform.machine().lower().replace("amd64", "x86_64"))
if importlib.util.find_spec("jax"):
    config.available_features.add("xla")

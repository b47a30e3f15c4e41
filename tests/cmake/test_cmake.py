"""The CMake package: a project that embeds an artifact is configured, built and run; new weights are built in."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from webnn_mlir.tools import config

COMPILERS = {"C": ("cc", "gcc", "clang"), "CXX": ("c++", "g++", "clang++")}
PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
PACKAGE = Path(config.__file__).parent / "cmake"

pytestmark = pytest.mark.skipif(not shutil.which("cmake"), reason="needs cmake")


def command(*arguments: object, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(list(map(str, arguments)), capture_output=True, text=True, env=environment, timeout=300)


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("language", COMPILERS)
def test_embedded_bytes_are_the_artifacts(language: str, tmp_path: Path) -> None:
    if not any(map(shutil.which, COMPILERS[language])):
        pytest.skip(f"needs a {language} compiler")
    source, build = tmp_path / "source", tmp_path / "build"
    shutil.copytree(Path(__file__).parent / "example", source)
    save_file({"factor": np.array([1, 2, 3], np.float32)}, source / "scale.safetensors")
    cmakedir = done(command(sys.executable, "-m", "webnn_mlir.tools.config", "--cmakedir")).strip()

    options = [f"-DWebNNMLIR_DIR={cmakedir}", f"-DEXAMPLE_LANGUAGE={language}"]
    done(command("cmake", "-S", source, "-B", build, *options, path=PATH))
    done(command("cmake", "--build", build, path=PATH))
    artifact = build / "webnn/scale/scale_cpu.vmfb"
    first = artifact.read_bytes()
    assert done(command(build / "example", artifact)) == f"scale_cpu.vmfb: {len(first)} bytes\n"
    assert done(command("ctest", "--test-dir", build))

    damaged = tmp_path / "damaged.vmfb"
    damaged.write_bytes(first[:-1] + bytes([first[-1] ^ 1]))
    assert command(build / "example", damaged).returncode == 1

    # Nothing to do, then new weights: only they are a reason to compile again.
    assert "Compiling" not in done(command("cmake", "--build", build, path=PATH))
    save_file({"factor": np.array([4, 5, 6], np.float32)}, source / "scale.safetensors")
    assert "Compiling scale.webnn for cpu" in done(command("cmake", "--build", build, path=PATH))
    assert artifact.read_bytes() != first
    done(command(build / "example", artifact))


def test_version_is_the_distributions(tmp_path: Path) -> None:
    script = tmp_path / "version.cmake"
    script.write_text(f'include("{PACKAGE}/WebNNMLIRConfigVersion.cmake")\nmessage("${{PACKAGE_VERSION}}")\n')
    result = command("cmake", "-P", script)
    assert result.stderr.strip() == version("webnn-mlir")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("webnn_add_module(NAME model)", "SRC is required"),
        ("webnn_add_module(NAME model SRC model.webnn FLAG -O3)", "unknown argument or missing value: FLAG;-O3"),
        ("webnn_add_module(NAME model SRC model.webnn FLAGS)", "unknown argument or missing value: FLAGS"),
    ],
)
def test_wrong_calls_are_errors(call: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(wrong LANGUAGES NONE)\n"
        f'find_package(WebNNMLIR REQUIRED PATHS "{PACKAGE}" NO_DEFAULT_PATH)\n{call}\n'
    )
    result = command("cmake", "-S", tmp_path, "-B", tmp_path / "build", path=PATH)
    assert result.returncode == 1
    assert message in " ".join(result.stderr.split())

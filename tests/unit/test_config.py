"""webnn-config: what it prints, and that it prints it for parts that are not installed too."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from webnn_mlir.tools import config


def test_cmakedir_holds_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["--cmakedir"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "WebNNMLIRConfig.cmake").is_file()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.main(["--version"]) == 0
    assert capsys.readouterr().out == f"{version('webnn-mlir')}\n"


def test_json_without_the_compiler(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "iree-base-compiler":
            raise config.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(config, "version", installed)
    assert config.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["iree-base-compiler"] is None
    assert found["iree-base-runtime"] == version("iree-base-runtime")


@pytest.mark.parametrize("arguments", [[], ["--cmakedir", "--json"], ["--frobnicate"]])
def test_other_arguments_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        config.main(arguments)
    assert end.value.code == 2

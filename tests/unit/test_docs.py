"""The documentation follows the source: the reference of operators is fresh, what the README shows is there."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from webnn_mlir.dialects.webnn import EXTENSIONS, OPS
from webnn_mlir.tools import docs, op_mapping

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text for language, text in BLOCKS if language == "sh"]


def test_the_reference_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main([str(REPOSITORY / "docs/operators.md"), "--check"]) == 0, capsys.readouterr().err


def test_a_stale_reference_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = tmp_path / "operators.md"
    stale.write_text("# Operators\n")
    assert docs.main([str(stale), "--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert stale.read_text() == "# Operators\n"


def test_every_operator_becomes_something() -> None:
    page = docs.page()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [
        *sorted(OPS, key=str.lower),
        *sorted(EXTENSIONS, key=str.lower),
    ]
    kept = re.findall(r"^## (\w+)$(?:(?!^## ).)*^Lowered: nothing", page, re.MULTILINE | re.DOTALL)
    assert kept == ["identity"]


def test_the_readme_starts_with_the_two_commands() -> None:
    assert [language for language, _ in BLOCKS[:2]] == ["sh", "sh"]
    run, check = COMMANDS[:2]
    assert run.index("python3 -m venv") < run.index("webnn-compile") < run.index("webnn-run") < run.index("--expect")
    assert check.index("python3 -m venv") < check.index("scripts/test")


def test_what_the_first_command_names_is_there() -> None:
    files = re.findall(r"examples/\S+", COMMANDS[0])
    assert files
    assert [f for f in files if not (REPOSITORY / f).is_file()] == []


def test_the_readme_names_every_tool() -> None:
    tools = {e.name for e in distribution("webnn-mlir").entry_points if e.group == "console_scripts"}
    assert {tool for tool in tools if f"| `{tool} " not in README} == set()


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)
    code = next(text for language, text in BLOCKS if language == "python")
    exec(compile(code, "README.md", "exec"), {})
    assert {p.suffix for p in tmp_path.iterdir()} == {"", ".vmfb"}


def test_the_mapping_to_other_operators_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert op_mapping.main([str(REPOSITORY / "docs/op-mapping.md"), "--check"]) == 0, capsys.readouterr().err

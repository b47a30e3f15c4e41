"""Every operator and every pass has a FileCheck test of its name."""

from pathlib import Path

from webnn_mlir.dialects.webnn import OPS

REPOSITORY = Path(__file__).resolve().parents[2]


def stems(folder: str, pattern: str) -> set[str]:
    return {path.stem for path in (REPOSITORY / folder).glob(pattern)}


def test_every_operator_has_one() -> None:
    assert stems("tests/lit/ops", "*.mlir") == set(OPS)


def test_every_pass_has_one() -> None:
    passes = stems("compiler/webnn_mlir/compiler/passes", "webnn_*.py")
    assert passes
    assert passes - stems("tests/lit/passes", "*.mlir") == set()

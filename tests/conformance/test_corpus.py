"""The open corpus, where it is present: at $WEBNN_CORPUS, or in `shared/wpt` beside the repository."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

from webnn_mlir.tools.conformance import metrics
from webnn_mlir.tools.conformance.corpus import read_cases
from webnn_mlir.tools.conformance.main import main

CORPUS = Path(os.environ.get("WEBNN_CORPUS", Path(__file__).parents[3] / "shared" / "wpt"))

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"the conformance corpus is absent: no folder {CORPUS}; WEBNN_CORPUS names another"
)


@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_conformance(tmp_path, capsys, level):
    out = tmp_path / "out.json"
    status = main(["--cases", str(CORPUS / "conformance"), "--target", "cpu", level, "--json", str(out)])
    print(capsys.readouterr().out)
    assert status == 0
    skipped = {r["id"] for r in json.loads(out.read_text())["records"] if r["status"] == "skipped"}
    assert skipped == {c.id for c in read_cases(CORPUS / "conformance") if c.known_issue}


def test_validation(capsys):
    status = main(["--validation", "--kind", "builder", "--cases", str(CORPUS), "--target", "cpu"])
    out = capsys.readouterr().out
    print(out)
    assert status == 0
    assert out.splitlines()[-1].endswith(" passed, 0 failed, 0 skipped")


@pytest.fixture(scope="module")
def loader():
    """The corpus's own decoder."""
    path = CORPUS / "load.py"
    if not path.is_file():
        pytest.skip(f"the corpus has no decoder of its own: no {path}")
    spec = importlib.util.spec_from_file_location("corpus_load", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_decoding_agrees_with_the_corpus(loader):
    encoded = {c["id"]: c for c in loader.iter_cases(CORPUS / "conformance")}
    count = 0
    for case in read_cases(CORPUS / "conformance"):
        for name, tensor in case.inputs.items():
            expected = loader.to_numpy(encoded[case.id]["graph"]["inputs"][name])
            np.testing.assert_array_equal(tensor.array(), expected, strict=True)
            count += 1
            if tensor.descriptor.data_type.bits == 4:
                np.testing.assert_array_equal(tensor.buffer(), loader.pack4(expected), strict=True)
    assert count > 0


def test_metrics_agree_with_the_corpus(loader):
    """On the expected outputs, shifted by few and by many units, and with special values put in."""
    random = np.random.default_rng(0)
    verdicts = {True: 0, False: 0}
    encoded = {c["id"]: c for c in loader.iter_cases(CORPUS / "conformance")}
    for case in read_cases(CORPUS / "conformance"):
        for name, tensor in case.outputs.items():
            for shift in (0, int(case.tolerance), int(case.tolerance) + 1, int(random.integers(1, 2**10))):
                actual = shifted(tensor, shift, random)
                theirs, _ = loader.within(
                    {"metric": case.metric, "value": case.tolerance},
                    actual,
                    encoded[case.id]["graph"]["expectedOutputs"][name],
                )
                assert (metrics._compare(case, name, tensor, actual) == "") == theirs, (case.id, name, shift)
                verdicts[theirs] += 1
    assert min(verdicts.values()) > 0


def shifted(tensor, shift, random):
    """The expected array, some bits further, with one element special."""
    array = tensor.array().copy()
    bits = array.view(f"u{array.itemsize}")
    with np.errstate(over="ignore"):
        bits += random.integers(-1, 2, size=bits.shape).astype(bits.dtype) * np.array(shift).astype(bits.dtype)
    if array.size and array.dtype.kind == "f" and random.random() < 0.2:
        array.flat[0] = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
    return array

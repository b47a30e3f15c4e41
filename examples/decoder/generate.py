#!/usr/bin/env python3
"""Generates tokens with a decoder whose past stays on the device, in buffers that are updated in place.

    python examples/decoder/make_decoder.py -o small
    python examples/decoder/generate.py small/model.onnx --compare

One ONNX file is compiled twice, for a number of tokens at once (prefill) and for one (decode). Both read the same
weights.irpa, and both have a past of `--max-length` rows, which they take over and give back with new rows in it: each
serves all positions, and nothing but tokens goes in and logits come out.

A decoder with random weights has no tokenizer: tokens are numbers.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Decoder:
    """A model's two graphs on a context, and the past that they share. `position` is the number of tokens in it."""

    def __init__(self, model: Path, folder: Path, max_length: int, prefill: int) -> None:
        from webnn_mlir import ML

        self.max_length, self.position = max_length, 0
        self.context = ML().create_context()
        archive, lengths = folder / "weights.irpa", {"prefill": prefill, "decode": 1}
        # The second may add weights to the archive: it is read when both are there.
        for name, length in lengths.items():
            start = time.perf_counter()
            compiled(model, length, max_length).save(folder / f"{name}.vmfb", archive=archive)
            print(f"{name}.vmfb: {length} of {max_length} tokens, {time.perf_counter() - start:.1f} s")
        self.graphs = {
            length: self.context.load(folder / f"{name}.vmfb", parameters=archive) for name, length in lengths.items()
        }
        graph = self.graphs[1]
        # New tensors are filled with zeros.
        self.past = {name: self.context.create_tensor(graph.inputs[name]) for name in graph.aliases.values()}
        self.tensors = {length: self._tensors(graph) for length, graph in self.graphs.items()}

    def _tensors(self, graph: Any) -> dict[str, Any]:
        """What goes in and comes out beside the past."""
        inputs = {name: d for name, d in graph.inputs.items() if name not in self.past}
        tensors = {name: self.context.create_tensor(d, writable=True) for name, d in inputs.items()}
        return tensors | {"logits": self.context.create_tensor(graph.outputs["logits"], readable=True)}

    def feed(self, tokens: Array) -> Iterator[Array]:
        """The logits of each token, [tokens, vocabulary]: of as many at once as the prefill takes, then of one each."""
        while len(tokens):
            length = max(n for n in self.graphs if n <= len(tokens))
            yield self._step(tokens[:length])
            tokens = tokens[length:]

    def _step(self, tokens: Array) -> Array:
        graph, tensors = self.graphs[len(tokens)], self.tensors[len(tokens)]
        end = self.position + len(tokens)
        if end > self.max_length:
            raise ValueError(f"{end} tokens are more than the maximum length, {self.max_length}")
        values = {
            "input_ids": tokens,
            "attention_mask": np.arange(self.max_length) < end,
            "position_ids": np.arange(self.position, end),
        }
        inputs = {name: tensors[name] for name in graph.inputs if name not in self.past}
        for name, tensor in inputs.items():
            self.context.write_tensor(tensor, values[name].astype(np.int64).reshape(tensor.shape))
        presents = {output: self.past[taken] for output, taken in graph.aliases.items()}
        self.context.dispatch(graph, inputs | self.past, presents | {"logits": tensors["logits"]})
        self.position = end
        logits: Array = self.context.read_tensor(tensors["logits"])
        return logits[0]


def compiled(model: Path, length: int, max_length: int) -> Any:
    """The model for `length` new tokens and a past of at most `max_length`, whose rows it writes in place."""
    import webnn_mlir

    sizes = {"batch_size": 1, "sequence_length": length}
    sizes |= {"past_sequence_length": max_length, "total_sequence_length": max_length}
    aliases = {name: name.replace("present", "past_key_values") for name in presents(model)}
    return webnn_mlir.compile(model, dims=sizes, aliases=aliases, weights="external")


def presents(model: Path) -> list[str]:
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    return [output.name for output in graph.output if output.name.startswith("present.")]


def generate(decoder: Decoder, prompt: Array, count: int) -> tuple[Array, Array]:
    """The tokens, each the likeliest after those before, and the logits of all but the last. Prints what it took."""
    start = time.perf_counter()
    logits = list(decoder.feed(prompt))
    took = time.perf_counter() - start
    print(f"prefill: {len(prompt)} tokens in {took:.2f} s, {len(prompt) / took:.1f} tokens/s")
    tokens, seconds = list(prompt), []
    for _ in range(count):
        tokens.append(int(logits[-1][-1].argmax()))
        start = time.perf_counter()
        logits += decoder.feed(np.array(tokens[-1:]))
        seconds.append(time.perf_counter() - start)
    print(f"decode: {count} tokens, {1 / statistics.median(seconds):.1f} tokens/s")
    return np.array(tokens), np.concatenate(logits)


def difference(model: Path, tokens: Array, logits: Array) -> float:
    """The largest difference of the logits to those of ONNX Runtime, all tokens at once, relative to the largest."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    values = {"attention_mask": np.ones_like(tokens), "position_ids": np.arange(len(tokens)), "input_ids": tokens}
    inputs = {
        i.name: values[i.name][None].astype(np.int64)
        if i.name in values
        else np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32)
        for i in session.get_inputs()
    }
    [expected] = session.run(["logits"], inputs)
    return float(abs(logits - expected[0]).max() / abs(expected).max())


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", type=Path, help="the model that make_decoder.py wrote")
    p.add_argument("--tokens", type=int, default=32, metavar="N", help="how many to generate (default: 32)")
    p.add_argument("--prompt", metavar="N,N,…", help="the tokens to start from (default: 20 by chance)")
    p.add_argument("--prefill", type=int, default=16, metavar="N", help="tokens at once of a prompt (default: 16)")
    p.add_argument("--max-length", type=int, default=128, metavar="N", help="tokens at most (default: 128)")
    p.add_argument("--output", type=Path, metavar="DIR", help="where artifacts and weights go (default: the model's)")
    p.add_argument("--compare", action="store_true", help="compare the logits with ONNX Runtime's")
    args = p.parse_args()

    try:
        prompt = np.random.default_rng(0).integers(0, 500, 20)
        if args.prompt:
            prompt = np.array([int(n) for n in args.prompt.split(",")])
        folder = args.output or args.model.parent
        folder.mkdir(parents=True, exist_ok=True)
        decoder = Decoder(args.model, folder, args.max_length, args.prefill)
        tokens, logits = generate(decoder, prompt, args.tokens)
        print(*tokens)
        if args.compare:
            found = difference(args.model, tokens[: len(logits)], logits)
            print(f"largest difference to ONNX Runtime's logits: {found:.1e} of the largest")
            if not found < 1e-4:
                sys.exit("they differ")
    except (OSError, ValueError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


if __name__ == "__main__":
    main()

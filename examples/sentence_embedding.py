#!/usr/bin/env python3
"""How alike are sentences? all-MiniLM-L6-v2 makes a vector of each; their cosines are shown and drawn.

    python examples/sentence_embedding.py
    python examples/sentence_embedding.py "A first sentence." "A second one." --output similarity.png
"""

from __future__ import annotations

import argparse

from models.command import command, compiled

SENTENCES = [
    "A cat sits on the mat.",
    "A kitten is lying on a rug.",
    "The dog chased the ball through the park.",
    "Stock prices fell sharply today.",
    "The market lost a lot of its value.",
    "How do I bake bread without yeast?",
    "A recipe for a loaf that needs no leavening.",
]


@command
def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sentences", nargs="*", default=SENTENCES)
    p.add_argument("--output", default="similarity.png", help="the picture (default: similarity.png)")
    args = p.parse_args()

    import numpy as np
    from models import minilm

    # Compiled for one sentence, so that any number can follow.
    shape = (1, minilm.LENGTH)
    run = compiled(minilm.model(), dict.fromkeys(("input_ids", "attention_mask", "token_type_ids"), shape))
    tokenizer = minilm.tokenizer()
    embeddings = [run(minilm.tokens(tokenizer, [sentence]))["sentence_embedding"] for sentence in args.sentences]
    vectors = np.concatenate(embeddings)
    similarity = vectors @ vectors.T
    show(args.sentences, similarity)
    draw(args.sentences, similarity, args.output)
    print(f"drawn in {args.output}")


def show(sentences, similarity) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", *(str(k + 1) for k in range(len(sentences))), show_edge=False)
    for k, sentence in enumerate(sentences):
        cells = (f"[{'bold green' if c > 0.4 else 'dim' if c < 0.15 else 'white'}]{c:.2f}[/]" for c in similarity[k])
        table.add_row(str(k + 1), sentence, *cells)
    Console().print(table)


def draw(sentences, similarity, path: str) -> None:
    from matplotlib.figure import Figure

    count = len(sentences)
    figure = Figure(figsize=(4 + 0.6 * count, 1 + 0.6 * count), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(similarity, vmin=0, vmax=1, cmap="YlGnBu")
    axes.set_yticks(range(count), sentences)
    axes.set_xticks(range(count), [str(k + 1) for k in range(count)])
    for (row, column), value in ((at, similarity[at]) for at in ((r, c) for r in range(count) for c in range(count))):
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else "black")
    figure.colorbar(picture, label="cosine")
    figure.savefig(path, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()

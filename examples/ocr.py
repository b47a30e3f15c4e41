#!/usr/bin/env python3
"""What does a picture say? PP-OCRv4 finds the lines of text, turns those that are upside down, and reads them.

    python examples/ocr.py
    python examples/ocr.py photo.jpg --output annotated.png
"""

from __future__ import annotations

import argparse

from models.command import command, compiled


@command
def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("image", nargs="?", help="a picture in any format that Pillow reads (default: one that is drawn)")
    p.add_argument("--output", default="annotated.png", help="the annotated picture (default: annotated.png)")
    args = p.parse_args()

    from models import ocr
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(Image.open(args.image)) if args.image else ocr.sample()[0]
    picture = picture.convert("RGB")
    lines = ocr.read(picture, compiled)
    for number, line in enumerate(lines, 1):
        print(f"{number:3}  {line.probability:.2f}  {line.text}")
    annotated(picture, lines).save(args.output)
    print(f"{len(lines)} lines; drawn in {args.output}")


def annotated(picture, lines):
    """The picture with a box around each line, and beside it what was read there."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (2 * picture.width, picture.height), "white")
    page.paste(picture, (0, 0))
    draw = ImageDraw.Draw(page)
    for k, line in enumerate(lines):
        colour = f"hsl({k * 137 % 360}, 70%, 40%)"
        for offset in (0, picture.width):
            corners = [(round(x) + offset, round(y)) for x, y in line.box.corners]
            draw.polygon(corners, outline=colour, width=2)
        size = max(8, min(0.8 * line.box.height, 1.8 * line.box.width / len(line.text)))
        x, y = line.box.corners.min(0)
        draw.text((x + picture.width, (y + line.box.corners[:, 1].max()) / 2), line.text, colour,
                  ImageFont.load_default(size), anchor="lm")  # fmt: skip
    return page


if __name__ == "__main__":
    main()

"""Reading text in pictures with PP-OCRv4: what goes into its three models, and what is made of their outputs.

Detection gives each pixel a probability of being text, classification tells whether a line is upside down, recognition
gives the probabilities of characters along a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from scipy.spatial import ConvexHull

from .packages import package_file

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
Load = Callable[[Path, dict[str, tuple[int, ...]]], Run]
"""Makes something that runs a model with inputs of the given shapes."""

PACKAGE = "rapidocr-onnxruntime"
MODELS = {
    "detection": "ch_PP-OCRv4_det_infer",
    "classification": "ch_ppocr_mobile_v2.0_cls_infer",
    "recognition": "ch_PP-OCRv4_rec_infer",
}

LONGEST = 960
"""A larger picture is scaled down to this for detection."""
TEXT, BOX = 0.3, 0.6
"""The probabilities above which a pixel is text, and of the pixels of a box on average."""
UNCLIP = 1.6
"""Detection marks the kernel of a line: a box grows on each side by UNCLIP · area / perimeter."""
HEIGHT, CLASSIFIED = 48, 192
"""The height of a line for classification and recognition, and its width for classification."""
WIDTHS = (320, 640, 1280)
"""The widths of lines that recognition is compiled for."""
UPSIDE_DOWN, LEGIBLE = 0.9, 0.5


@dataclass(frozen=True)
class Box:
    """A rectangle: its centre, the unit vector of its lines of text, its width along that and its height."""

    center: np.ndarray
    along: np.ndarray
    width: float
    height: float

    @property
    def down(self) -> np.ndarray:
        return np.array([-self.along[1], self.along[0]])

    @property
    def corners(self) -> np.ndarray:
        """float[4, 2], clockwise from the top left."""
        across, down = self.along * self.width / 2, self.down * self.height / 2
        return self.center + np.array([-across - down, across - down, across + down, down - across])


@dataclass(frozen=True)
class Line:
    box: Box
    text: str
    probability: float


def model(kind: str) -> Path:
    """`detection`, `classification` or `recognition`. Raises FetchError when the package cannot be had."""
    return package_file(PACKAGE, f"rapidocr_onnxruntime/models/{MODELS[kind]}.onnx")


def read(picture: Image.Image, load: Load) -> list[Line]:
    """The lines of text in a picture, from top to bottom."""
    lines = []
    for box in detect(picture, load):
        crop = upright(cut(picture, box), load)
        text, probability = recognize(crop, load)
        if text and probability >= LEGIBLE:
            lines.append(Line(box, text, probability))
    return lines


def detect(picture: Image.Image, load: Load) -> list[Box]:
    scale = min(1, LONGEST / max(picture.size))
    width, height = (max(32, round(size * scale / 32) * 32) for size in picture.size)
    pixels = normalized(picture.resize((width, height), Image.Resampling.BILINEAR))
    probabilities = run(load, "detection", pixels)[0, 0]
    return boxes(probabilities, np.array(picture.size) / (width, height))


def boxes(probabilities: np.ndarray, scale: np.ndarray) -> list[Box]:
    """The boxes around the lines of text, in the order of reading, in pixels of the picture: [x, y] times `scale`."""
    marked = probabilities > TEXT
    # Strokes that all but touch belong together.
    regions, _ = ndimage.label(ndimage.binary_dilation(marked, np.ones((2, 2))), np.ones((3, 3)))
    found = []
    for number, window in enumerate(ndimage.find_objects(regions), 1):
        inside = (regions[window] == number) & marked[window]
        if probabilities[window][inside].mean() < BOX:
            continue
        y, x = np.nonzero(inside)
        x, y = x + window[1].start, y + window[0].start
        corners = np.concatenate([np.stack([x + dx, y + dy], 1) for dx in (0, 1) for dy in (0, 1)])
        kernel = enclosing(corners, np.ones(2))
        if min(kernel.width, kernel.height) < 3:
            continue
        distance = UNCLIP * kernel.width * kernel.height / (2 * (kernel.width + kernel.height))
        grown = Box(kernel.center, kernel.along, kernel.width + 2 * distance, kernel.height + 2 * distance)
        found.append(enclosing(grown.corners, scale))
    return reading_order(found)


def enclosing(points: np.ndarray, scale: np.ndarray) -> Box:
    """The smallest rectangle around points times `scale`: one of its sides lies along one of their hull's."""
    points = points * scale
    hull = points[ConvexHull(points).vertices]
    sides = np.roll(hull, -1, 0) - hull
    # Turned by quarters until text runs rightward, up or down by at most 45°.
    angles = np.unique((np.arctan2(sides[:, 1], sides[:, 0]) + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    across = np.stack([np.cos(angles), np.sin(angles)], 1)
    down = np.stack([-across[:, 1], across[:, 0]], 1)
    low, high = (np.stack([reduce(hull @ axis.T, axis=0) for axis in (across, down)]) for reduce in (np.min, np.max))
    best = np.argmin(np.prod(high - low, 0))
    middle = (low + high)[:, best] / 2
    size = (high - low)[:, best]
    return Box(middle[0] * across[best] + middle[1] * down[best], across[best], *size)


def reading_order(boxes: list[Box]) -> list[Box]:
    """From top to bottom; boxes whose middles lie within half a line of one another from left to right."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box.center[1]):
        if rows and box.center[1] - rows[-1][0].center[1] < rows[-1][0].height / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: box.center[0])]


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """What is in a box, turned so that its text is level; a box that stands upright is turned by 90°."""
    width, height = max(1, round(box.width)), max(1, round(box.height))
    origin = box.corners[0]
    along, down = box.along * box.width / width, box.down * box.height / height
    # From a pixel of the cut to one of the picture.
    places = (along[0], down[0], origin[0], along[1], down[1], origin[1])
    crop = picture.transform((width, height), Image.Transform.AFFINE, places, Image.Resampling.BICUBIC)
    return crop.transpose(Image.Transpose.ROTATE_90) if height > 1.5 * width else crop


def upright(crop: Image.Image, load: Load) -> Image.Image:
    turned = run(load, "classification", line_pixels(crop, CLASSIFIED))[0, 1]
    return crop.transpose(Image.Transpose.ROTATE_180) if turned > UPSIDE_DOWN else crop


def recognize(crop: Image.Image, load: Load) -> tuple[str, float]:
    """The text of a line, and the mean probability of its characters."""
    needed = HEIGHT * crop.width / crop.height
    width = next((w for w in WIDTHS if w >= needed), WIDTHS[-1])
    return decode(run(load, "recognition", line_pixels(crop, width))[0], characters())


def decode(probabilities: np.ndarray, alphabet: list[str]) -> tuple[str, float]:
    """Connectionist temporal classification: of equal characters that follow one another one counts, the blank none."""
    best = probabilities.argmax(1)
    counts = (best != 0) & (best != np.roll(best, 1))
    counts[0] = best[0] != 0
    text = "".join(alphabet[k] for k in best[counts])
    return text, float(probabilities.max(1)[counts].mean()) if text else 0.0


@cache
def characters() -> list[str]:
    """The alphabet that the recognition model carries with it, after the blank and before the space."""
    metadata = {entry.key: entry.value for entry in onnx.load(model("recognition")).metadata_props}
    return ["", *metadata["character"].splitlines(), " "]


def line_pixels(crop: Image.Image, width: int) -> np.ndarray:
    """A line scaled to HEIGHT and, where it is shorter than `width`, filled up with grey."""
    used = min(width, max(1, -(-HEIGHT * crop.width // crop.height)))
    pixels = np.zeros((1, 3, HEIGHT, width), np.float32)
    pixels[..., :used] = normalized(crop.resize((used, HEIGHT), Image.Resampling.BILINEAR))
    return pixels


def normalized(picture: Image.Image) -> np.ndarray:
    """float32[1, 3, height, width] between -1 and 1, blue first as the models were trained."""
    pixels = np.asarray(picture.convert("RGB"), np.float32)[..., ::-1]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / 127.5 - 1)


def run(load: Load, kind: str, pixels: np.ndarray) -> np.ndarray:
    [output] = load(model(kind), {"x": pixels.shape})({"x": pixels}).values()
    return output


def line_of_text(text: str, upside_down: bool = False) -> Image.Image:
    """A picture of a line, as one is cut out."""
    font = ImageFont.load_default(36)
    picture = Image.new("RGB", (round(font.getlength(text)) + 16, 56), (246, 243, 235))
    ImageDraw.Draw(picture).text((8, 4), text, (30, 40, 70), font)
    return picture.transpose(Image.Transpose.ROTATE_180) if upside_down else picture


def sample() -> tuple[Image.Image, list[str]]:
    """A picture to read, and what it says; one of its lines is upside down, one slants."""
    picture = Image.new("RGB", (640, 448), (246, 243, 235))
    draw = ImageDraw.Draw(picture)
    lines = ["Web Neural Network", "compiled to native code", "Invoice No. 20260614", "Total: 1,234.50 EUR"]
    for k, (text, size) in enumerate(zip(lines, (46, 32, 28, 28), strict=True)):
        draw.text((40, 30 + 62 * k), text, (30, 40, 70), ImageFont.load_default(size))
    for text, angle, place, colour in [
        ("upside down", 180, (40, 320), (150, 40, 40)), ("a slanting line", 12, (330, 290), (20, 110, 60))
    ]:  # fmt: skip
        stamp = Image.new("RGBA", (280, 50))
        ImageDraw.Draw(stamp).text((10, 6), text, colour, ImageFont.load_default(32))
        stamp = stamp.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        picture.paste(stamp, place, stamp)
        lines.append(text)
    return picture, lines

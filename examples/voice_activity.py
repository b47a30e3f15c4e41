#!/usr/bin/env python3
"""When does somebody speak? silero-vad gives the probability for each 32 ms of a sound; it is shown over the time.

    python examples/voice_activity.py
    python examples/voice_activity.py recording.wav --output speech.png

Without a file a sound is made by rule: two phrases of vowel-like syllables, each followed by a beep.
"""

from __future__ import annotations

import argparse
import time

from models.command import command, compiled

BARS = " ▁▂▃▄▅▆▇█"


@command
def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sound", nargs="?", help="a WAV file (default: a sound that is made)")
    p.add_argument("--output", default="speech.png", help="the picture (default: speech.png)")
    args = p.parse_args()

    from models import speech

    sound = speech.read_wav(args.sound) if args.sound else speech.babble()
    size = speech.windows(sound).shape[1]
    run = compiled(speech.model(), {"input": (1, size), "state": (2, 1, 128)}, {"sr": speech.RATE})
    start = time.perf_counter()
    probabilities = speech.probabilities(run, sound)
    seconds = time.perf_counter() - start
    segments = speech.segments(probabilities)

    show(probabilities, speech.WINDOW)
    for begin, end in segments:
        print(f"speech from {begin:.2f} s to {end:.2f} s")
    duration = len(sound) / speech.RATE
    print(f"{duration:.1f} s of sound in {seconds:.2f} s, {duration / seconds:.0f} times as fast as it is heard")
    draw(sound, probabilities, segments, args.output)
    print(f"drawn in {args.output}")


def show(probabilities, window: float, columns: int = 100) -> None:
    """A line of bars, each the most of its share of the time."""
    import numpy as np

    shares = np.array_split(probabilities, min(columns, len(probabilities)))
    print("".join(BARS[round(float(share.max()) * (len(BARS) - 1))] for share in shares))
    print(f"0 s{len(probabilities) * window:{len(shares) - 5}.1f} s")


def draw(sound, probabilities, segments, path: str) -> None:
    import numpy as np
    from matplotlib.figure import Figure
    from models import speech

    figure = Figure(figsize=(11, 4), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True)
    upper.plot(np.arange(len(sound)) / speech.RATE, sound, linewidth=0.4, color="tab:gray")
    upper.set_ylabel("sound")
    lower.step(np.arange(len(probabilities)) * speech.WINDOW, probabilities, where="post", color="tab:blue")
    lower.set(ylabel="probability of speech", xlabel="seconds", ylim=(-0.02, 1.02))
    for begin, end in segments:
        for axes in (upper, lower):
            axes.axvspan(begin, end, color="tab:green", alpha=0.15)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()

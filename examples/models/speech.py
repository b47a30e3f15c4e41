"""Around silero's voice activity detectors: sound in, stretches of speech out."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import butter, lfilter, resample_poly, sosfilt

from .packages import package_file

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
Segment = tuple[float, float]

PACKAGE = "silero-vad"
RATE = 16000
WINDOW, CONTEXT = 0.032, 0.004
"""The seconds that the model looks at, and the seconds before them that it is given too."""


def model(variant: str = "silero_vad") -> Path:
    """A variant of the model. Raises FetchError when the package cannot be had."""
    return package_file(PACKAGE, f"silero_vad/data/{variant}.onnx")


def windows(sound: np.ndarray, rate: int = RATE) -> np.ndarray:
    """A sound as the models take it: float32[windows, context + window]."""
    size, context = round(WINDOW * rate), round(CONTEXT * rate)
    padded = np.pad(sound, (context, -len(sound) % size))
    return np.lib.stride_tricks.sliding_window_view(padded, context + size)[::size].astype(np.float32)


def probabilities(run: Run, sound: np.ndarray, rate: int = RATE) -> np.ndarray:
    """The probability of speech in each window of a sound; the model's state goes from window to window."""
    state, found = np.zeros((2, 1, 128), np.float32), []
    for window in windows(sound, rate):
        outputs = run({"input": window[None], "state": state})
        state = outputs["stateN"]
        found.append(outputs["output"].item())
    return np.array(found)


def segments(speech: np.ndarray, threshold: float = 0.5, pause: float = 0.1) -> list[Segment]:
    """The stretches of speech in seconds. One begins at the threshold and ends with a `pause` of probabilities that are
    0.15 below it.
    """
    found: list[Segment] = []
    start = quiet = None
    for k, probability in enumerate([*speech, *np.zeros(int(pause / WINDOW) + 1)]):
        if probability >= threshold:
            start, quiet = k if start is None else start, None
        elif start is not None and probability < threshold - 0.15:
            quiet = k if quiet is None else quiet
            if (k + 1 - quiet) * WINDOW > pause:
                found.append((start * WINDOW, min(quiet, len(speech)) * WINDOW))
                start = quiet = None
    return found


def read_wav(path: str | Path) -> np.ndarray:
    """The sound of a WAV file in one channel at 16 kHz: float32 between -1 and 1.

    Raises wave.Error, EOFError or ValueError for a file that is none, or holds nothing.
    """
    with wave.open(str(path), "rb") as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        data = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    if not len(data):
        raise ValueError(f"{path}: holds no sound")
    if width == 1:
        samples = data.astype(np.float32) / 128 - 1
    else:
        # Little-endian integers of 2, 3 or 4 bytes, moved to the top of 4.
        whole = np.zeros((len(data) // width, 4), np.uint8)
        whole[:, 4 - width :] = data.reshape(-1, width)
        samples = whole.view("<i4")[:, 0] / np.float32(2**31)
    mono = samples.reshape(-1, channels).mean(1)
    return resampled(mono, rate, RATE)


def resampled(sound: np.ndarray, rate: int, to: int) -> np.ndarray:
    divisor = np.gcd(rate, to)
    return resample_poly(sound, to // divisor, rate // divisor).astype(np.float32)


VOWELS = {  # the frequencies of the first formants, in Hz
    "a": (730, 1090, 2440, 3400), "e": (530, 1840, 2480, 3500), "i": (270, 2290, 3010, 3600),
    "o": (570, 840, 2410, 3300), "u": (300, 870, 2240, 3200),
}  # fmt: skip


def babble(phrases: tuple[str, ...] = ("a i o e a", "u e a i o u a"), pause: float = 1.2, seed: int = 0) -> np.ndarray:
    """Something like speech at 16 kHz, made by rule: phrases of syllables with a beep after each, which is no speech.

    Each syllable is a vowel, pulses of the glottis through a filter for each formant, after a breath of a consonant.
    """
    rng = np.random.default_rng(seed)
    silence = np.zeros(int(pause * RATE))
    beep = 0.5 * np.sin(2 * np.pi * 880 * np.arange(RATE // 2) / RATE) * np.hanning(RATE // 2)
    parts = [silence]
    for phrase in phrases:
        vowels = phrase.split()
        voices = np.concatenate([syllable(rng, vowel, k / len(vowels)) for k, vowel in enumerate(vowels)])
        parts += [voices / abs(voices).max(), silence, beep, silence]
    sound = np.concatenate(parts)
    sound = 0.3 * sound / abs(sound).max() + rng.normal(0, 0.001, len(sound))
    return sound.astype(np.float32)


def syllable(rng: np.random.Generator, vowel: str, at: float) -> np.ndarray:
    length = int(rng.uniform(0.16, 0.26) * RATE)
    time = np.arange(length) / RATE
    # The pitch falls through the phrase and trembles.
    pitch = 150 - 35 * at + 6 * np.sin(2 * np.pi * 5 * time) + 25 * np.exp(-(((time - 0.08) / 0.06) ** 2))
    phase = np.cumsum(pitch / RATE) % 1
    opening = np.clip(phase / 0.6, 0, 1)
    source = np.diff(opening**2 * (1 - opening) * 6.75, prepend=0) + 0.003 * rng.normal(size=length)
    voice = source
    for frequency in VOWELS[vowel]:
        voice = resonator(voice, frequency, 50 + frequency / 20)
    voice *= np.minimum(1, np.minimum(time / 0.03, (length / RATE - time) / 0.06))
    breath = sosfilt(butter(2, [2500, 6000], "bandpass", fs=RATE, output="sos"), rng.normal(size=int(0.06 * RATE)))
    breath *= np.hanning(len(breath)) * 0.15 * abs(voice).max()
    return np.concatenate([breath, voice])


def resonator(x: np.ndarray, frequency: float, width: float) -> np.ndarray:
    """Two poles at the frequency, with unit gain at 0 Hz."""
    radius = np.exp(-np.pi * width / RATE)
    poles = [1, -2 * radius * np.cos(2 * np.pi * frequency / RATE), radius**2]
    return lfilter([sum(poles)], poles, x)

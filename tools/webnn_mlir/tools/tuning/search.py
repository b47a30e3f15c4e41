"""Looking for the fastest decisions within a budget.

Kernels and their sizes are tried at all places together, a value of each at a time: one artifact tells how long each of
its dispatches takes, and so which value is the best at each place. The artifact with all of these is measured as a
whole. So is what leaves work to IREE, whose dispatches are other ones, and so are flags: first at all places together,
and where that is slower, at each half of them, and so on. What is measured as a whole replaces the best so far if it is
faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from webnn_mlir.compiler.tuning import CHOICES, IREE, Place, Value

Key = tuple[str, str]
Decisions = Mapping[Key, Value]

FASTER = 0.985
"""Of the best so far: what takes longer is not told apart from it."""
FASTER_KERNEL = 0.97
"""The same for a dispatch, whose time is less certain."""
SIZES = 4
"""That are tried at a place, those next to the default."""


class Rejected(Exception):
    """What cannot be compiled, or gives other answers."""


@dataclass(eq=False)
class Variant:
    """An artifact with its decisions and places."""

    decisions: Decisions
    places: Sequence[Place]


class Bench(Protocol):
    """What builds variants and measures them."""

    def build(self, decisions: Decisions) -> Variant:
        """Raises Rejected."""

    def same(self, best: Variant, decisions: Decisions) -> bool:
        """Whether decisions lead to the dispatches of the best; quicker than to build them. Raises Rejected."""

    def ratio(self, best: Variant, other: Variant) -> float:
        """The time of a variant in units of the best one's; greater than 1 where it is not certain."""

    def dispatches(self, variants: Sequence[Variant]) -> list[dict[str, float]]:
        """How long the dispatches of each variant take, by their names."""

    def left(self) -> float:
        """Seconds of the budget; a trial is not begun when it would take longer."""

    def trial(self) -> float:
        """How long a trial takes, in seconds."""


Tell = Callable[[str], None]


@dataclass
class Search:
    """A search from a variant without decisions; `tell` gets a line about each trial. `tried` counts what was built."""

    bench: Bench
    best: Variant
    tell: Tell = lambda _: None
    tried: int = field(default=0, init=False)

    def run(self) -> Variant:
        """The best variant that was found."""
        known: set[Key] = set()
        while wave := next_wave(self.best.places, known):
            known |= set(map(_key, wave))
            self._kernels(wave)
        self._forms()
        return self.best

    @property
    def _in_time(self) -> bool:
        return self.bench.left() > self.bench.trial()

    def _build(self, what: str, changed: Decisions) -> Variant | None:
        decisions = {**self.best.decisions, **changed}
        self.tried += 1
        try:
            return self.bench.build(decisions)
        except Rejected as error:
            self.tell(f"{what}: {error}")
            return None

    def _same(self, what: str, changed: Decisions) -> bool:
        """Whether a change does nothing, or fails."""
        try:
            same = self.bench.same(self.best, {**self.best.decisions, **changed})
        except Rejected as error:
            self.tell(f"{what}: {error}")
            return True
        if same:
            self.tell(f"{what}: changes nothing")
        return same

    def _compare(self, what: str, changed: Decisions) -> bool:
        """Builds and measures a variant, and keeps it if it is faster."""
        if all(CHOICES[choice].forms for choice, _ in changed) and self._same(what, changed):
            return False
        variant = self._build(what, changed)
        if variant is None:
            return False
        ratio = self.bench.ratio(self.best, variant)
        faster = ratio < FASTER
        self.tell(f"{what}: {f'{1 - ratio:+.1%}' if ratio != 1 else 'no faster'}{', kept' if faster else ''}")
        if faster:
            self.best = variant
        return faster

    def _kernels(self, wave: Sequence[Place]) -> None:
        """Takes the best value at each place, as dispatches tell."""
        kinds = ", ".join(dict.fromkeys(place.choice for place in wave))
        alternatives = {_key(place): nearest(place) for place in wave}
        variants, most = [self.best], max(map(len, alternatives.values()))
        for number in range(most):
            if self.bench.left() < 2 * self.bench.trial():
                break
            changed = {key: values[number] for key, values in alternatives.items() if number < len(values)}
            if variant := self._build(f"{kinds}, values {number + 1}", changed):
                self.tell(f"{kinds}: values {number + 1} of {most} built")
                variants.append(variant)
        if len(variants) == 1:
            return
        better = fastest(wave, variants, self.bench.dispatches(variants))
        if better and self._in_time:
            self._compare(f"{kinds} at {len(better)} of {len(wave)} places", better)

    def _forms(self) -> None:
        """Tries values at all places of a choice, and where these are slower, at halves of them."""
        queue = deque(groups(self.best.places))
        while queue and self._in_time:
            choice, value, places = queue.popleft()
            there = {_key(place) for place in self.best.places}
            places = [p for p in places if _key(p) in there and self.best.decisions.get(_key(p), p.default) != value]
            if not places:
                continue
            where = f" at {len(places)} places" if len(places) > 1 else f" of {places[0].name}"
            if not self._compare(f"{choice} = {value}{where}", {_key(p): value for p in places}) and len(places) > 1:
                half = (len(places) + 1) // 2
                queue.extend((choice, value, part) for part in (places[:half], places[half:]))


def _key(place: Place) -> Key:
    return place.choice, place.name


def of_kernels(place: Place) -> list[Value]:
    """The values of a place with which dispatches tell how good they are."""
    return [value for value in place.values if value != IREE] if place.dispatches else []


def next_wave(places: Sequence[Place], known: Collection[Key]) -> list[Place]:
    """Places of kernels that can be tried together: of each kernel the first choice that is not known."""
    order, found = list(CHOICES), dict[str, Place]()
    for place in sorted(places, key=lambda p: order.index(p.choice)):
        if _key(place) not in known and len(of_kernels(place)) > 1:
            found.setdefault(place.name, place)
    return list(found.values())


def nearest(place: Place) -> list[Value]:
    """The other values of a place, those first that are next to the default."""
    values = of_kernels(place)
    at = _size(place.default)
    number = min(range(len(values)), key=lambda n: (values[n] != place.default, abs(_size(values[n]) - at)))
    order = sorted(range(len(values)), key=lambda n: abs(n - number))
    return [values[n] for n in order if values[n] != place.default][:SIZES]


def _size(value: Value) -> int:
    return value if isinstance(value, int) else 0


def fastest(
    wave: Sequence[Place], variants: Sequence[Variant], times: Sequence[Mapping[str, float]]
) -> dict[Key, Value]:
    """The values at places where another than that of the first variant is faster."""
    found = {}
    for place in wave:
        key = _key(place)
        taken: dict[Value, float] = {}
        for variant, known in zip(variants, times, strict=True):
            there = next((p for p in variant.places if _key(p) == key), None)
            if there and there.dispatches and all(name in known for name in there.dispatches):
                value = variant.decisions.get(key, place.default)
                taken[value] = min(taken.get(value, float("inf")), sum(known[name] for name in there.dispatches))
        now = variants[0].decisions.get(key, place.default)
        if now in taken and taken[best := min(taken, key=taken.__getitem__)] < FASTER_KERNEL * taken[now]:
            found[key] = best
    return found


def groups(places: Sequence[Place]) -> list[tuple[str, Value, list[Place]]]:
    """The places at which a value can be tried together, the most work first, in the order of the choices."""
    found: dict[tuple[str, Value], list[Place]] = {}
    for place in sorted(places, key=lambda p: -p.work):
        for value in place.values:
            if value != place.default and value not in of_kernels(place):
                found.setdefault((place.choice, value), []).append(place)
    order = list(CHOICES)
    return [(choice, value, found[choice, value]) for choice, value in sorted(found, key=lambda k: order.index(k[0]))]

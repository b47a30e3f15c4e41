"""webnn-devices: what this machine can run artifacts on, with its limits."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .common import report_errors

EXAMPLE = """examples:
  webnn-devices
  webnn-devices --verbose
  webnn-devices --json"""


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="webnn-devices",
        description="Lists the devices that artifacts run on here, the one that is preferred first, and for which of "
        "webnn-compile's targets.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--verbose", action="store_true", help="print what the drivers tell of their devices")
    p.add_argument("--json", action="store_true", help="print JSON, with what each operator takes there")
    return p


@report_errors("webnn-devices")
def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from webnn_mlir.dialects.targets import TARGET_NAMES
    from webnn_mlir.runtime.devices import order

    entries = [_entry(target, args) for target in order(TARGET_NAMES)]
    if args.json:
        print(json.dumps(entries, indent=2))
        return 0
    for entry in entries:
        print(_line(entry))
        for text in entry.get("details", ()):
            print("".join(f"    {line}\n" for line in text.splitlines()), end="")
    return 0


def _entry(target: str, args: argparse.Namespace) -> dict[str, Any]:
    from webnn_mlir.dialects.targets import EXCLUDED
    from webnn_mlir.runtime.devices import DRIVERS, details, present

    found = [device for driver in DRIVERS[target] for device in present(driver)]
    entry: dict[str, Any] = {
        "target": target,
        "devices": [{"driver": d.driver, "name": d.name, "software": d.is_software} for d in found],
        "excluded": {str(data_type): reason for data_type, reason in EXCLUDED.get(target, {}).items()},
    }
    if args.verbose:
        entry["details"] = [text for device in found if (text := details(device))]
    if args.json:
        from webnn_mlir.runtime.limits import op_support_limits

        entry["opSupportLimits"] = op_support_limits(target)
    return entry


def _line(entry: dict[str, Any]) -> str:
    names = ", ".join(f"{d['name']} ({d['driver']})" for d in entry["devices"]) or "none"
    without = f"; without {', '.join(entry['excluded'])}" if entry["excluded"] else ""
    return f"{entry['target'] + ':':<8}{names}{without}"


if __name__ == "__main__":
    sys.exit(main())

"""How the benchmarks measure: repeated, alternating between rivals, reported as median and tail."""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def alternating_s(
    rivals: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2
) -> dict[str, np.ndarray]:
    """Seconds of every round of each rival; they take turns, so that all meet the same weather."""
    for _ in range(warm_up):
        for work in rivals.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, work in rivals.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def spread_ms(seconds: "list[float] | np.ndarray") -> dict[str, float]:
    """Median, 95 % quantile and maximum in milliseconds."""
    values = 1e3 * np.asarray(seconds)
    return {
        "median_ms": float(np.median(values)),
        "95_ms": float(np.quantile(values, 0.95)),
        "largest_ms": float(values.max()),
        "count": float(len(values)),
    }


def machine() -> dict[str, str | float]:
    """What the numbers were measured on, and how busy it was."""
    import torch

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {
        "cores": float(os.cpu_count() or 0),
        "load_at_start": load,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def report(measure: Callable[[], dict[str, Any]], description: str) -> None:
    """Measure, print as JSON, and write to --json."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    text = json.dumps(measure(), indent=1)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text, encoding="utf-8")

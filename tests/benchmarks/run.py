"""All benchmarks, one after the other, each in a process of its own; a JSON file and a table.

python tests/benchmarks/run.py [--out bench-output/latest.json] [--only field,window]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = ("field", "refinement", "window", "responsiveness")
NEED_SCREEN = ("window", "responsiveness")
TIMEOUT_S = 1200
# The program tells glibc to keep freed memory (app.main); benchmarks are to be like it.
AS_THE_PROGRAM = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}


def has_screen() -> bool:
    """True where a window can be opened."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run_part(name: str) -> dict[str, Any]:
    """The results of one benchmark, or why there are none."""
    if name in NEED_SCREEN and not has_screen():
        return {"skipped": "there is no screen: run it under xvfb-run"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(out)]
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                env={**os.environ, **AS_THE_PROGRAM},
            )
        except subprocess.TimeoutExpired:
            return {"skipped": f"it took longer than {TIMEOUT_S} s"}
        if ended.returncode != 0 or not out.is_file():
            last = (ended.stderr.strip() or "no message").splitlines()[-1]
            return {"skipped": f"it failed ({ended.returncode}): {last}"}
        return json.loads(out.read_text(encoding="utf-8"))


def rows_of(results: dict[str, Any]) -> list[tuple[str, str]]:
    """What the table shows."""
    rows: list[tuple[str, str]] = []
    for name, found in results.items():
        if "skipped" in found:
            rows.append((name, f"skipped: {found['skipped']}"))
    field, work = results.get("field", {}), results.get("refinement", {})
    for key, label in (("forward", "field queries"), ("with_gradients", "with gradients")):
        if key in field:
            it = field[key]
            rows.append(
                (
                    f"{label}, one thread",
                    f"{it['numba_queries_per_s'] / 1e6:.2f} M/s compiled, "
                    f"{it['torch_queries_per_s'] / 1e6:.2f} M/s torch, "
                    f"{it['numba_over_torch']:.1f} times",
                )
            )
    for key, label in (
        ("keypoint_step", "keypoint steps"),
        ("avatar_step", "avatar steps"),
        ("pose_visit", "pose visits"),
    ):
        if key in work:
            it = work[key]
            rows.append((label, f"{it['per_s']:.1f} per s"))
    for state in ("idle", "refining"):
        for key, label in (
            ("drag", "drag to painted, 8 views"),
            ("step", "frame step to painted"),
            ("gap", "event loop held up"),
        ):
            it = results.get("window", {}).get(state, {}).get(key)
            if it is not None:
                rows.append((f"{label}, {state}", _spread(it)))
    beside = results.get("responsiveness", {})
    for arrangement in ("idle", "thread", "process"):
        if arrangement in beside:
            it = beside[arrangement]
            rows.append(
                (
                    f"docks, session: {arrangement}",
                    f"step {it['step_median_ms']:.0f} ms, gaps {it['gap_95_ms']:.0f} ms (95 %), "
                    f"{it['gap_largest_ms']:.0f} ms (largest), "
                    f"{it['session_steps_per_s']:.0f} steps/s",
                )
            )
    return rows


def _spread(it: dict[str, float]) -> str:
    text = (
        f"median {it['median_ms']:.0f} ms, 95 % {it['95_ms']:.0f} ms, "
        f"largest {it['largest_ms']:.0f} ms"
    )
    if "computing_median_ms" in it:
        text += f"; computing {it['computing_median_ms']:.0f} ms"
    return text


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("bench-output/latest.json"))
    parser.add_argument("--only", default=",".join(PARTS), help=f"any of {', '.join(PARTS)}")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name]
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(PARTS)}")
    results: dict[str, Any] = {}
    for name in chosen:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results[name] = run_part(name)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    rows = rows_of(results)
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        print(f"{label:<{width}}  {value}")
    print(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

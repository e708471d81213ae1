"""A report of a refinement: numbers as JSON, and everything on one page that needs no network."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from avatarpose.errors import FormatError
from avatarpose.evaluate.charts import Line, broken_at_gaps, line_chart
from avatarpose.formats.storage import write_bytes
from avatarpose.scene.people import PERSON_COLOURS

_JPEG_QUALITY = 88
_HEADLINES = (
    ("mpjpe_world_mm", "joint error", "mm"),
    ("mve_mm", "surface error", "mm"),
    ("penetration_mean_mm", "penetration", "mm"),
    ("reprojection_px", "reprojection", "px"),
)
_TABLE = (
    ("mpjpe_world_mm", "MPJPE, world (mm)"),
    ("mpjpe_root_mm", "MPJPE, root-aligned (mm)"),
    ("pa_mpjpe_mm", "MPJPE, Procrustes (mm)"),
    ("mve_mm", "mean vertex error (mm)"),
    ("pcp_percent", "PCP (%)"),
    ("acceleration_mm_s2", "acceleration error (mm/s²)"),
    ("penetration_mean_mm", "penetration, mean (mm)"),
    ("penetration_max_mm", "penetration, max (mm)"),
    ("reprojection_px", "reprojection, median (px)"),
    ("missed_person_frames", "missed person-frames"),
    ("worse_person_frames", "worse person-frames"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of the report.

    Attributes:
        caption: what it shows.
        rgb: the pixels.
    """

    caption: str
    rgb: UInt8[np.ndarray, "height width 3"]


def write_report(
    folder: Path,
    title: str,
    evaluation: Mapping[str, Any],
    losses: Mapping[str, Sequence[tuple[int, float]]],
    pictures: Sequence[Picture],
    facts: Mapping[str, str],
) -> Path:
    """Writes report.json and report.html into `folder`; returns the path of the page.

    Args:
        folder: made when missing.
        title: headline.
        evaluation: from `evaluate_layers`; the first layer is "before", the last "after".
        losses: per term, (step, value).
        pictures: shown in this order, inside the page.
        facts: what and how, such as {"preset": "standard"}.

    Raises:
        FormatError: the folder cannot be written.
    """
    report = {
        "title": title,
        "facts": dict(facts),
        "evaluation": evaluation,
        "losses": {name: [list(point) for point in curve] for name, curve in losses.items()},
    }
    text = json.dumps(_without_nan(report), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(folder / "report.json", text.encode())
    page = folder / "report.html"
    write_bytes(page, report_page(title, evaluation, losses, pictures, facts).encode())
    return page


def report_page(
    title: str,
    evaluation: Mapping[str, Any],
    losses: Mapping[str, Sequence[tuple[int, float]]],
    pictures: Sequence[Picture],
    facts: Mapping[str, str],
) -> str:
    """The page as text; it loads nothing from anywhere."""
    layers: Mapping[str, Any] = evaluation.get("layers", {})
    sections = [
        _cards(layers),
        _section("Numbers", _table(layers) + _footnote(evaluation)),
        _section("Pictures", "".join(map(_figure, pictures))),
        _section("Error over the frames", _grid(_frame_charts(evaluation))),
        _section("Losses", _grid(_loss_charts(losses))),
        _section("How", _facts(facts)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<header><h1>{html.escape(title)}</h1></header>{''.join(sections)}</main></body></html>\n"
    )


def _value(layer: Mapping[str, Any], key: str) -> float | int | None:
    found = layer.get(key)
    return found.get("median") if isinstance(found, Mapping) else found


def _cards(layers: Mapping[str, Any]) -> str:
    if not layers:
        return ""
    values = list(layers.values())
    before, after = values[0], values[-1]
    cards = []
    for key, label, unit in _HEADLINES:
        first, last = _value(before, key), _value(after, key)
        if last is None:
            continue
        change = ""
        if first is not None and before is not after:
            tone = "better" if last < first else "worse" if last > first else "same"
            change = f'<p class="{tone}">before: {first:.1f} {unit}</p>'
        cards.append(
            f'<div class="card"><h3>{label}</h3><p class="big">{last:.1f}'
            f"<small> {unit}</small></p>{change}</div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _table(layers: Mapping[str, Any]) -> str:
    if not layers:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in layers)
    rows = [f"<tr><th></th>{head}</tr>"]
    for key, label in _TABLE:
        values = [_value(layer, key) for layer in layers.values()]
        if any(value is not None for value in values):
            rows.append(_row(label, values))
    pids = sorted({pid for layer in layers.values() for pid in layer.get("people", {})}, key=int)
    for pid in pids:
        values = [layer["people"].get(pid, {}).get("mpjpe_world_mm") for layer in layers.values()]
        if any(value is not None for value in values):
            rows.append(_row(f"person {pid}: MPJPE, world (mm)", values))
    return f"<table>{''.join(rows)}</table>"


def _row(label: str, values: Sequence[float | int | None]) -> str:
    cells = "".join(f"<td>{_number(value)}</td>" for value in values)
    return f"<tr><th>{html.escape(label)}</th>{cells}</tr>"


def _number(value: float | int | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _footnote(evaluation: Mapping[str, Any]) -> str:
    frames = evaluation.get("frames") or []
    if not frames:
        return ""
    text = (
        f"{evaluation['person_frames']} person-frames, frames {frames[0]} to {frames[-1]}, "
        f"measured against {evaluation['reference']}; {evaluation['joint_definition']}. "
        f"{evaluation['message']}"
    )
    return f'<p class="note">{html.escape(text.strip())}</p>'


def _frame_charts(evaluation: Mapping[str, Any]) -> list[str]:
    """One chart per person and measure: the first layer dashed, the last in the person's colour."""
    layers: Mapping[str, Any] = evaluation.get("layers", {})
    if not layers:
        return []
    names = [next(iter(layers))]
    names += [list(layers)[-1]] if len(layers) > 1 else []
    frames = evaluation["frames"]
    charts = []
    for key, label in (("mpjpe_world_mm", "joint error (mm)"), ("reprojection_px", "pixels")):
        for pid in sorted(layers[names[-1]].get("per_frame", {}), key=int):
            lines = []
            for name in names:
                curve = layers[name]["per_frame"].get(pid, {}).get(key, [])
                is_old = name == names[0] and len(names) > 1
                colour = "var(--muted)" if is_old else _colour(int(pid))
                points = [(float(x), y) for x, y in zip(frames, curve, strict=False)]
                lines.append(Line(name, points, colour, is_dashed=is_old))
            charts.append(line_chart(f"Person {pid}: {label}", lines, "frame"))
    return charts


def _loss_charts(losses: Mapping[str, Sequence[tuple[int, float]]]) -> list[str]:
    """A chart per term: terms differ by orders of magnitude, and so do stages."""
    charts = []
    for name, curve in losses.items():
        positive = [value for _, value in curve if value > 0]
        is_log = bool(positive) and max(positive) > 20 * min(positive)
        points = [(float(step), float(value)) for step, value in curve]
        line = Line(name, broken_at_gaps(points), "var(--accent)")
        charts.append(line_chart(name, [line], "step", is_log=is_log))
    return charts


def _colour(pid: int) -> str:
    return "rgb({},{},{})".format(*PERSON_COLOURS[pid % len(PERSON_COLOURS)])


def _figure(picture: Picture) -> str:
    bgr = np.ascontiguousarray(picture.rgb[..., ::-1])
    is_written, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not is_written:
        raise FormatError(
            f"The picture {picture.caption!r} could not be encoded.", remedy="Report this."
        )
    content = base64.b64encode(encoded.tobytes()).decode()
    caption = html.escape(picture.caption)
    return (
        f'<figure class="picture"><img alt="{caption}" src="data:image/jpeg;base64,{content}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>"
        for name, value in facts.items()
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _grid(charts: Sequence[str]) -> str:
    found = "".join(charts)
    return f'<div class="grid-of-charts">{found}</div>' if found else ""


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _without_nan(value: Any) -> Any:
    """JSON has no NaN: None instead."""
    if isinstance(value, Mapping):
        return {str(key): _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


_STYLE = """
:root{color-scheme:light dark;--page:#f5f6f8;--panel:#fff;--text:#1c2330;--muted:#6a7383;
--rule:#e1e5eb;--accent:#0072b2;--good:#00795a;--bad:#b4480a}
@media(prefers-color-scheme:dark){:root{--page:#14171c;--panel:#1d2128;--text:#e8ebf0;
--muted:#98a2b3;--rule:#323945;--accent:#56b4e9;--good:#4cc9a2;--bad:#f0904f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1100px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 20px;letter-spacing:-.01em}
h2{font-size:17px;margin:0 0 14px}
h3{font-size:13px;font-weight:500;color:var(--muted);margin:0}
section,.card{background:var(--panel);border:1px solid var(--rule);border-radius:10px}
section{padding:20px 22px;margin-top:18px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:14px}
.card{padding:14px 18px}
.card p{margin:0;font-size:13px}
.card .big{font-size:34px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.big small{font-size:15px;font-weight:400;color:var(--muted)}
.better{color:var(--good)}.worse{color:var(--bad)}.same,.note{color:var(--muted)}
.note{font-size:13px;margin:12px 0 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;border-bottom:1px solid var(--rule);text-align:right}
th:first-child{text-align:left;font-weight:400}
tr:first-child th{color:var(--muted);font-size:13px;font-weight:600}
figure{margin:0}
.picture+.picture{margin-top:16px}
.picture img{display:block;max-width:100%;border-radius:6px}
figcaption{font-size:13px;color:var(--muted)}
.picture figcaption{margin-top:6px}
.grid-of-charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(400px,1fr));gap:18px}
svg{display:block;width:100%;height:auto}
svg text{font-size:11px;fill:var(--muted)}
.grid{stroke:var(--rule)}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.legend{list-style:none;display:flex;gap:16px;margin:4px 0 0;padding:0;font-size:13px}
.key{display:inline-block;width:20px;border-top:2px solid;margin-right:6px;vertical-align:middle}
.key.dashed{border-top-style:dashed}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:0}
dt{color:var(--muted)}dd{margin:0}
"""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from avatarpose.evaluate.charts import Line, line_chart
from avatarpose.evaluate.evaluation import evaluate_layers
from avatarpose.evaluate.report import Picture, write_report

VOID = {"meta", "img", "path", "br"}


class Balance(HTMLParser):
    """Checks that every element is closed in order, and collects what would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def written(hug, tmp_path):
    evaluation = evaluate_layers(hug, ["initial", "truth"], np.arange(4))
    losses = {"colour <L1>": [(0, 1.0), (10, 0.01), (20, float("nan"))], "nothing": []}
    picture = Picture('before & "after"', np.full((20, 30, 3), 90, np.uint8))
    facts = {"preset": "preview", "made with <care>": "yes"}
    return write_report(tmp_path / "out", "Hug & co", evaluation, losses, [picture], facts)


def test_the_page_is_well_formed_and_loads_nothing(written):
    text = written.read_text()
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert balance.sources
    assert all(source.startswith("data:image/") for source in balance.sources)
    assert not re.search(r"https?://|@import|url\(", text)


def test_names_cannot_break_the_page(written):
    text = written.read_text()
    assert "<care>" not in text
    assert "<L1>" not in text
    assert "Hug &amp; co" in text


def test_the_numbers_stand_in_page_and_json(written):
    report = json.loads((written.parent / "report.json").read_text())
    value = report["evaluation"]["layers"]["initial"]["mpjpe_world_mm"]
    assert f"{value:.2f}" in written.read_text()
    assert report["losses"]["colour <L1>"][2] == [20, None]
    assert report["facts"]["preset"] == "preview"


def test_a_report_of_nothing_is_still_a_page(tmp_path):
    page = write_report(tmp_path, "empty", {"layers": {}}, {}, [], {})
    assert "<h1>empty</h1>" in page.read_text()


def test_a_chart_without_values_is_no_chart():
    assert line_chart("x", [Line("a", [(0.0, None), (1.0, float("nan"))], "red")], "frame") == ""


def test_a_gap_breaks_the_curve():
    points = [(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 2.0)]
    chart = line_chart("x", [Line("a", points, "red")], "frame")
    path = re.search(r'class="line"[^>]* d="([^"]*)"', chart)
    assert path is not None
    assert path[1].count("M") == 2
    assert path[1].count("L") == 1


def test_curves_lie_inside_the_chart_on_both_scales():
    points = [(float(x), 10.0 ** -(x / 20)) for x in range(100)]
    for is_log in (False, True):
        chart = line_chart("x", [Line("a", points, "red")], "step", is_log=is_log)
        width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', chart).groups())
        path = re.search(r'class="line"[^>]* d="([^"]*)"', chart)[1]
        numbers = np.array(re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path), float)
        assert (numbers >= 0).all()
        assert (numbers <= [width, height]).all()

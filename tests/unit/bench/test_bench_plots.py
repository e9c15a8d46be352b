"""The plots: what is drawn is what was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from bench import plots

pytestmark = pytest.mark.promise("documented")

SVG = "{http://www.w3.org/2000/svg}"


def drawn(series: dict[str, list[tuple[float, float]]]) -> ET.Element:
    """Return a chart as the tree that a browser reads."""
    return ET.fromstring(plots.lines("A < B", "threads", "requests/s", series))  # noqa: S314  our own


def test_each_point_is_a_dot_and_each_series_has_its_name() -> None:
    """Nothing is left out, and names with special characters are text."""
    chart = drawn({"a & b": [(1, 10), (2, 20)], "c": [(1, 5)]})
    assert len(chart.findall(f"{SVG}circle")) == 3
    assert {"A < B", "a & b", "c", "threads", "requests/s"} <= {
        text.text for text in chart.findall(f"{SVG}text")
    }


def test_twice_the_value_is_twice_the_height() -> None:
    """The axes begin at zero, so that heights can be compared."""
    low, high = drawn({"a": [(1, 10), (2, 20)]}).findall(f"{SVG}circle")
    ground = 360 - 44
    heights = [ground - float(dot.attrib["cy"]) for dot in (low, high)]
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)


def test_everything_stays_on_the_plane() -> None:
    """The largest value is not above the top."""
    for dot in drawn({"a": [(64, 9_999), (0.5, 1)]}).findall(f"{SVG}circle"):
        assert 0 < float(dot.attrib["cx"]) < 640
        assert 0 < float(dot.attrib["cy"]) < 360

"""The offline map: true to scale, north up, labels that do not cover each other, text that cannot break out."""

import re
from xml.etree import ElementTree as ET

import pytest

from pipelines.report.charts import WIDTH, Told
from pipelines.report.map import Place, Way, map_svg
from pipelines.report.words import Words

TOLD = Told("map", "Tour", "Where the truck goes")
GIESSEN, WETZLAR = (50.587, 8.678), (50.555, 8.504)  # 12.8 km apart as the crow flies


def drawn(places, ways=(), lang="en"):
    return ET.fromstring(map_svg(TOLD, places, ways, Words(lang, "mobility")))


def dots(picture):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in picture.iter("circle")]


def test_distances_agree_with_the_scale_bar():
    picture = drawn([Place(GIESSEN, "Gießen"), Place(WETZLAR, "Wetzlar")])
    (x1, y1), (x2, y2) = dots(picture)
    bar = next(line for line in picture.iter("line") if line.get("y1") == line.get("y2"))
    said = next(words.text for words in picture.iter("text") if "km" in words.text)
    pixels_per_km = (float(bar.get("x2")) - float(bar.get("x1"))) / float(re.findall(r"[\d.]+", said)[0])
    assert ((x1 - x2) ** 2 + (y1 - y2) ** 2) ** 0.5 / pixels_per_km == pytest.approx(12.8, abs=0.1)


def test_north_is_up_and_east_is_right():
    (x1, y1), (x2, y2) = dots(drawn([Place(GIESSEN), Place(WETZLAR)]))
    assert x1 > x2
    assert y1 < y2


def test_everything_lies_within_the_picture_and_one_place_is_enough():
    for places in ([Place(GIESSEN, "Gießen")], [Place((48 + i, 9.0)) for i in range(5)], [Place((50.0, 6 + i / 2)) for i in range(9)]):
        picture = drawn(places)
        width, height = (float(size) for size in picture.get("viewBox").split()[2:])
        assert width == WIDTH
        assert all(0 < x < width and 0 < y < height for x, y in dots(picture))


def test_labels_do_not_cover_each_other():
    crowd = [Place((50.58 + i * 1e-6, 8.67), f"Station {i}") for i in range(20)]
    labels = [words.text for words in drawn([*crowd, Place(WETZLAR, "Depot", kind="depot")]).iter("text")]
    assert "Depot" in labels
    assert sum(words.startswith("Station") for words in labels) <= 2


def test_ways_are_drawn_in_order_with_arrows_and_names_are_escaped():
    picture = drawn([Place(GIESSEN, "<b>Gießen & Co</b>")], [Way([GIESSEN, WETZLAR, GIESSEN], colour=7, note="Wagen 1")], "de")
    paths = list(picture.iter("path"))
    assert [path.get("class") for path in paths] == ["way route1", "head route1", "head route1"]
    assert paths[0].get("d").count("L") == 2
    assert paths[0].find("title").text == "Wagen 1"
    assert "<b>Gießen & Co</b>" in [words.text for words in picture.iter("text")]


def test_a_map_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one place"):
        map_svg(TOLD, [], [], Words("en", "mobility"))

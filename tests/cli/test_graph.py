"""`rtfs graph` draws the streams of a script and lets nothing out of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
(def words (stream.flat-map ["a b" "c"] (fn [line] (split line " "))))
(def batches (call :stream.batch (stream.merge [words (stream.map [1 2] inc)]) 2 {:on-batch println}))
(def weather (mcp-stream "weather/watch" (fn [n c] {:state n}) 0))
(call :ccos.io.write-file "out.txt" "never")
(call :stream.to-collection (stream.take batches 3 {:name "first three"}))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "pipes.rtfs"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_every_operator_source_and_end_is_a_box_and_every_flow_an_arrow(in_process: Any, script: Path) -> None:
    code, out, _ = in_process("graph", str(script), "--format", "json")
    found = json.loads(out)
    labels = {box["id"]: box["label"] for box in found["nodes"]}
    assert [(labels[arrow["from"]], labels[arrow["to"]]) for arrow in found["edges"]] == [
        ("from-collection", "flat-map"), ("from-collection", "map"), ("flat-map", "merge"), ("map", "merge"),
        ("merge", "batch"), ("batch", "callbacks"), ("weather/watch", "#<function fn>"), ("batch", "take"),
        ("take", "to-collection"),
    ]  # fmt: skip
    assert next(box for box in found["nodes"] if box["label"] == "take")["detail"] == "first three"
    assert code == 0


def test_nothing_reaches_the_host(in_process: Any, script: Path) -> None:
    in_process("graph", str(script))
    assert not (script.parent / "out.txt").exists()


def test_mermaid_keeps_its_quotation_marks(in_process: Any, script: Path) -> None:
    text = in_process("graph", str(script))[1]
    assert text.startswith("flowchart LR\n")
    assert all(line.count('"') in (0, 2) for line in text.splitlines())


def test_svg_is_a_picture_with_a_box_for_each_node(in_process: Any, script: Path) -> None:
    root = ElementTree.fromstring(in_process("graph", str(script), "--format", "svg")[1])
    assert sum(element.tag.endswith("}rect") for element in root.iter()) == 11


def test_a_name_from_a_script_cannot_leave_its_box(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "odd.rtfs"
    path.write_text('(call :stream.create (stream.map [1] inc {:name "<script>\\"]x</script>"}))', encoding="utf-8")
    for format in ("svg", "mermaid"):
        text = in_process("graph", str(path), "--format", format)[1]
        assert "<script>" not in text
    ElementTree.fromstring(in_process("graph", str(path), "--format", "svg")[1])


def test_what_was_drawn_before_an_error_is_shown_with_it(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "broken.rtfs"
    path.write_text("(call :stream.create (stream.map [1] inc)) (/ 1 0)", encoding="utf-8")
    code, out, told = in_process("graph", str(path))
    assert "map" in out
    assert "Division by zero" in told
    assert code == 1


def test_an_endless_script_is_stopped(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "endless.rtfs"
    path.write_text("(loop [] (call :ccos.io.println 1) (recur))", encoding="utf-8")
    assert in_process("graph", str(path))[0] == 0


def test_branches_are_boxes_between_what_they_read_and_who_reads_them(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "branches.rtfs"
    path.write_text("""
      (def h (call :stream.branch (range 5) {:branches [{:name :odd :when odd?} {:name :all :processor println}]}))
      (call :stream.to-collection (stream.map (:odd (:branches h)) inc))
      (call :stream.to-collection (stream.branch [1] [{:name :a} {:name :b}]))""")
    code, out, _ = in_process("graph", str(path), "--format", "json")
    found = json.loads(out)
    labels = {box["id"]: box["label"] for box in found["nodes"]}
    assert [(labels[arrow["from"]], labels[arrow["to"]]) for arrow in found["edges"]] == [
        ("from-collection", "branch"), ("branch", "odd"), ("branch", "all"), ("odd", "map"), ("map", "to-collection"),
        ("from-collection", "branch"), ("branch", "a"), ("branch", "b"), ("a", "to-collection"), ("b", "to-collection"),
    ]  # fmt: skip
    assert code == 0


def test_partitions_are_boxes_while_they_are_few(in_process: Any, tmp_path: Path) -> None:
    path = tmp_path / "partitions.rtfs"
    path.write_text("""
      (call :stream.to-collection (stream.parallel [1] {:parallelism 2 :processor identity}))
      (call :stream.to-collection (stream.parallel [1] {:parallelism 40 :processor identity}))""")
    found = json.loads(in_process("graph", str(path), "--format", "json")[1])
    labels = {box["id"]: box["label"] for box in found["nodes"]}
    assert [(labels[arrow["from"]], labels[arrow["to"]]) for arrow in found["edges"]] == [
        ("from-collection", "parallel"), ("parallel", "partition 0"), ("parallel", "partition 1"),
        ("partition 0", "to-collection"), ("partition 1", "to-collection"),
        ("from-collection", "parallel"), ("parallel", "partitions 0 … 39"), ("partitions 0 … 39", "to-collection"),
    ]  # fmt: skip

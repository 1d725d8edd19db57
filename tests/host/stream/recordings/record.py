"""Records a state directory as SQL text: `python record.py release.sql`. Each release adds one; all load for ever."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from rtfs import RuntimeContext, Session

PROGRAM = """
(defn total [state chunk] {:state (+ state chunk) :output chunk})
(defn gather [state chunk] {:state (conj state chunk) :output chunk})
(defn fail [state chunk] (throw "bad chunk"))
(defn scaled [factor] (fn [state chunk] {:state (+ state (* factor chunk))}))
(def kinds {:nil nil :flags [true false] :integer 123456789012345678901234567890 :float 1.5 :tiny 5e-324
            :text "κόσμε \\u{1f600} \\n" :keyword :a/b :symbol 'x :list '(1 (2)) :vector [1 [2 [3]]] "string key" 1
            [1 2] :vector-key {:map :key} 2 :empty [{} [] '() ""]})
(def table (reduce (fn [m n] (assoc m n {:square (* n n) :name (str "entry " n)})) {} (range 300)))
(call :mcp.stream.start {:endpoint "room" :stream-id "active" :processor total :initial-state 0})
(call :mcp.stream.start {:endpoint "room" :stream-id "paused" :processor total :initial-state 0 :queue-capacity 9})
(call :mcp.stream.start {:endpoint "room" :stream-id "completed" :processor total :initial-state 0})
(call :mcp.stream.start {:endpoint "room" :stream-id "stopped" :processor total :initial-state 0})
(call :mcp.stream.start {:endpoint "room" :stream-id "cancelled" :processor total :initial-state 0})
(call :mcp.stream.start {:endpoint "room" :stream-id "error" :processor fail :initial-state 0})
(call :mcp.stream.start {:endpoint "room" :stream-id "kinds" :processor gather :initial-state [kinds]})
(call :mcp.stream.start {:endpoint "room" :stream-id "big" :processor gather :initial-state [table]})
(call :mcp.stream.start {:endpoint "room" :stream-id "literal" :processor (scaled 3) :initial-state 0})
(defn send [id chunk] (call :mcp.stream.send {:stream id :chunk chunk :ack :durable}))
(doseq [id ["active" "paused" "completed" "stopped" "cancelled" "literal"]] (send id 5))
(send "kinds" kinds)
(send "big" {:last table})
(try (send "error" 1) (catch _ e nil))
(call :mcp.stream.pause {:stream "paused" :reason "recorded"})
(doseq [n (range 7)] (call :mcp.stream.send {:stream "paused" :chunk {:n n} :metadata {:lane n}}))
(call :mcp.stream.send {:stream "completed" :chunk {:action :complete} :ack :processed})
(call :mcp.stream.stop "stopped")
(call :mcp.stream.cancel {:stream "cancelled" :reason "recorded"})
(call :mcp.stream.checkpoint "paused")
"""


def record(file: Path) -> None:
    """Run the program in a state directory of its own and write what is in it."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(state_dir=folder, context=RuntimeContext.full())
        session.run(PROGRAM)
        session.close()
        with sqlite3.connect(Path(folder) / "streams.db") as connection:
            file.write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]))

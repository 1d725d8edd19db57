"""Thin functions over host calls: which call, with which arguments (language.md §14.8)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('(println "a" 1 nil [1 "b"])', 'ccos.io.println "a 1  [1 \\"b\\"]"'),
        ("(println)", 'ccos.io.println ""'),
        ("(print 1 :k)", 'ccos.io.print "1 :k"'),
        ('(prn "a" nil 1)', 'ccos.io.println "\\"a\\" nil 1"'),
        ('(log "a" 1)', 'ccos.io.log "a 1"'),
        ('(log :warn "a" 1)', 'ccos.io.log "a 1" :warn'),
        ('(log :other "a")', 'ccos.io.log ":other a"'),
        ('(tool/log :debug "a")', 'ccos.io.log "a" :debug'),
        ('(log-step :error "a" 2)', 'ccos.io.log "a 2" :error'),
        ("(current-time)", "ccos.system.current-time"),
        ("(now)", "ccos.system.current-time"),
        ("(current-time-millis)", "ccos.system.current-timestamp-ms"),
        ("(tool/time-ms)", "ccos.system.current-timestamp-ms"),
        ("(sleep 5)", "ccos.system.sleep-ms 5"),
        ("(thread/sleep 5)", "ccos.system.sleep-ms 5"),
        ('(get-env "A")', 'ccos.system.get-env "A"'),
        ("(rand)", "ccos.random.float"),
        ("(rand-int 6)", "ccos.random.int 6"),
        ("(shuffle [1 2])", "ccos.random.shuffle [1 2]"),
        ("(uuid)", "ccos.random.uuid"),
        ('(read-file "f")', 'ccos.io.read-file "f"'),
        ('(read-file "f" "latin-1")', 'ccos.io.read-file "f" "latin-1"'),
        ('(write-file "f" "t")', 'ccos.io.write-file "f" "t"'),
        ('(delete-file "f")', 'ccos.io.delete-file "f"'),
        ('(file-exists? "f")', 'ccos.io.file-exists "f"'),
        ('(list-dir ".")', 'ccos.io.list-dir "."'),
        ('(http-fetch "u" {:method "GET"})', 'ccos.network.http-fetch "u" {:method "GET"}'),
        ('(tool/http-fetch "u")', 'ccos.network.http-fetch "u"'),
        ('(ask "q")', 'ccos.user.ask "q"'),
        ('(ask-human "q" ["a" "b"])', 'ccos.user.ask "q" ["a" "b"]'),
        ('(kv/get "k")', 'ccos.state.kv.get "k"'),
        ('(kv/get "k" 0)', 'ccos.state.kv.get "k" 0'),
        ('(kv/put "k" 1)', 'ccos.state.kv.put "k" 1'),
        ('(kv/delete "k")', 'ccos.state.kv.delete "k"'),
        ("(discover-agents)", "ccos.agent.discover-agents"),
        ('(discover-agents "x")', 'ccos.agent.discover-agents "x"'),
        ('(load-capability "c")', 'ccos.marketplace/load "c"'),
        ("(context/set :k 1)", "ccos.context.set :k 1"),
    ],
)
def test_one_call_whose_answer_is_the_value(played: Any, text: str, call: str) -> None:
    assert played(text, 7) == ([call], "7")


def test_rand_nth_takes_the_element_at_a_random_index(played: Any) -> None:
    assert played("(rand-nth [:a :b])", 1) == (["ccos.random.int 2"], ":b")


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ('(kv/assoc! "k" :a 1 :b 2)', {"a": 0}, '{"a" 0 :a 1 :b 2}'),
        ('(kv/assoc! "k" :a 1)', None, "{:a 1}"),
        ('(kv/dissoc! "k" "a" "c")', {"a": 0, "b": 1}, '{"b" 1}'),
        ('(kv/conj! "k" 2 3)', [1], "[1 2 3]"),
        ('(kv/conj! "k" 2)', None, "[2]"),
    ],
)
def test_a_stored_value_is_swapped_until_nobody_was_faster(played: Any, text: str, old: Any, new: str) -> None:
    calls, value = played(text, old, True)
    assert calls[0] == 'ccos.state.kv.get "k"'
    assert calls[1].startswith('ccos.state.kv.cas-put "k" ')
    assert calls[1].endswith(f" {new}")
    assert value == new
    assert len(played(text, old, False, old, False, old, True)[0]) == 6
    assert played(text, old, False, old, True)[1] == new

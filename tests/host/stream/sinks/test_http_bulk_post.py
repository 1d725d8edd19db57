"""`:stream.http.bulk-post` against a real server: batches, repeats, refusals (streaming.md §6.3)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import rtfs
from rtfs.lang.names import Keyword as K

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
FAST = ":retry-policy {:base-ms 1 :cap-ms 2}"


class Service(ThreadingHTTPServer):
    """Answers with the statuses in `plan`, then 200. got: the requests (key, body, headers); items: what it took."""

    def __init__(self) -> None:
        self.plan: list[int] = []
        self.got: list[tuple[str, Any, Any]] = []
        self.refused: set[Any] = set()  # items that make it refuse the batch
        self.items: list[Any] = []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/in"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.got.append((self.headers["idempotency-key"], body, self.headers))
        status = self.server.plan.pop(0) if self.server.plan else 200
        items = json.loads(body) if self.headers["content-type"] == "application/json" else []
        if any(item in self.server.refused for item in items if type(item) is int):
            status = 422
        elif status == 200:
            self.server.items += items
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def posted(service: Service, options: str, session: rtfs.Session = SESSION) -> Any:
    return session.run(f'(call :stream.wait (call :stream.http.bulk-post "{service.url}" {{{options}}}))')


def test_a_service_that_recovers_gets_the_same_key_three_times_and_success_is_told_once(service: Service) -> None:
    service.plan = [503, 503, 200]
    told: list[str] = []
    SESSION.define("tell", lambda answer, batch: told.append(rtfs.show((answer[K("status")], batch))))
    answer = posted(service, f':data-stream [1 2 3] :stream-id "b" {FAST} :on-success (fn [a b] (tell a b))')
    assert [key for key, _, _ in service.got] == ["b/0-2"] * 3
    assert told == ["[200 [1 2 3]]"]
    assert answer[K("result")] == 3


def test_items_arrive_in_order_in_batches_of_the_size(service: Service) -> None:
    posted(service, ":data-stream (range 250) :batch-size 100")
    assert [len(json.loads(body)) for _, body, _ in service.got] == [100, 100, 50]
    assert [item for _, body, _ in service.got for item in json.loads(body)] == list(range(250))


def test_several_requests_at_once_lose_nothing(service: Service) -> None:
    service.plan = [200, 503, 200, 503]
    answer = posted(service, f":data-stream (range 1000) :batch-size 10 :concurrency 4 {FAST}")
    arrived = {item for _, body, _ in service.got for item in json.loads(body)}
    assert (arrived, answer[K("result")]) == (set(range(1000)), 1000)


def test_lines_of_json_say_what_they_are(service: Service) -> None:
    posted(service, ':data-stream [{:a "ü"} nil] :format :json-lines :headers {:x-token "t"}')
    ((_, body, headers),) = service.got
    assert (body, headers["content-type"], headers["x-token"]) == ('{"a": "ü"}\nnull\n', "application/x-ndjson", "t")


def test_a_refusal_fails_at_once_with_its_status(service: Service) -> None:
    service.plan = [422]
    answer = posted(service, ":data-stream [1]")
    assert len(service.got) == 1
    assert answer[K("error")][K("message")] == "Sink 'http.bulk-post' failed: HTTP status 422"


def test_with_on_error_the_run_goes_on_without_the_batch_that_failed(service: Service) -> None:
    service.plan = [503, 503, 503]
    told: list[str] = []
    SESSION.define("fail", lambda error, batch: told.append(rtfs.show(batch)))
    answer = posted(service, f":data-stream [1 2 3] :batch-size 2 {FAST} :on-error (fn [e b] (fail e b))")
    assert (told, answer[K("status")], answer[K("result")]) == (["[1 2]"], K("completed"), 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (':headers {"host" "other"}', "S029"),
        (':headers {"x" "a\\nb: c"}', "S029"),
        (":retry-policy {:max-attempts 0}", "S003"),
        (":batch-size 0", "S003"),
        (":format :xml", "S003"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_sent(service: Service, options: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        posted(service, f":data-stream [1] {options}")
    assert caught.value.code == f"RTFS-{message}"
    assert not service.got


def test_a60_a_grant_to_read_from_a_host_does_not_let_a_program_post(service: Service) -> None:
    host = f"127.0.0.1:{service.server_port}"
    for grant, allowed in ((f"GET {host}", False), ("example.org", False), (f"POST {host}", True)):
        context = rtfs.RuntimeContext.controlled(["stream.**"], grants=[("net", grant)])
        with closing(rtfs.Session(context=context)) as session:
            if allowed:
                posted(service, ":data-stream [1]", session)
            else:
                with pytest.raises(rtfs.RtfsError, match=r"denied for stream\.http\.bulk-post") as caught:
                    posted(service, ":data-stream [1]", session)
                assert caught.value.code == "RTFS-S053"
    assert len(service.got) == 1


@pytest.mark.parametrize("place", ["upstream", "service"])
def test_a55_three_poisoned_of_a_thousand_are_letters_and_reach_the_service_after_a_fix(
    service: Service, place: str
) -> None:
    poisoned = {13, 500, 999}
    service.refused = set(poisoned) if place == "service" else set()

    def fits(n: int) -> bool:
        return place == "service" or n not in poisoned

    checked = '(stream.tap source (fn [n] (if (fits n) n (throw "unfit"))))'
    post, policy = f'"{service.url}" {{{FAST} :batch-size 100 :max-wait-ms 5', ""
    if place == "service":  # it takes or refuses whole batches
        post, policy = post.replace("100", "1"), ':on-error :dead-letter :dead-letter-queue "unfit"'
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())) as session:
        session.define("fits", fits)
        session.run(f"""
          (def source (call :mcp.stream.start {{:endpoint "plain" :processor :identity :outputs :block}}))
          (def run (call :stream.http.bulk-post {post} {policy} :stream-id "posting"
            :data-stream (stream.with-dead-letter {checked} "unfit" {{:max-retries 1}})}}))
          (doseq [n (range 1000)] (call :mcp.stream.send {{:stream source :chunk n :timeout-ms 20000}}))""")
        until(session, lambda: len(service.items) + len(letters(session)) == 1000)
        assert sorted(service.items) == [n for n in range(1000) if n not in poisoned]
        assert sorted(letter[K("item")] for letter in letters(session)) == sorted(poisoned)
        poisoned.clear()
        service.refused.clear()
        again = session.run('(call :stream.redrive {:queue "unfit"})')
        assert (len(again[K("redriven")]), again[K("left")]) == (3, 0)
        until(session, lambda: len(service.items) == 1000)
        assert sorted(service.items) == list(range(1000))


def letters(session: rtfs.Session) -> list[Any]:
    return list(session.run('(call :stream.dead-letters {:queue "unfit" :limit 100})'))


def until(session: rtfs.Session, due: Any) -> None:
    """Let the streams run until something holds."""
    for _ in range(1000):
        session.run('(call :stream.wait "posting" {:timeout-ms 20})')
        if due():
            return
    raise AssertionError("it never held")

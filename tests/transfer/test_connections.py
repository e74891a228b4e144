"""No connection keeps the requests on others from being answered."""

import socketserver
from threading import Thread

from tests.transfer.asking import CURL, Ask, probe
from tests.transfer.scripted import PATIENCE, Reply, Server, Then, ok

PICTURES = 20


class OneByOne(Server):
    """Answers one connection at a time: the next when the client has closed the one before."""

    def process_request(self, request: object, client_address: object) -> None:
        socketserver.BaseServer.process_request(self, request, client_address)  # type: ignore[arg-type]


def test_a_server_of_one_connection_at_a_time_costs_no_timeout() -> None:
    """An idle connection is given up for one that is not answered. A request that waits is neither failed nor sent twice."""
    server = OneByOne({"picture": Reply(ok(b"picture"), Then.KEEP)})
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        asks = [Ask(f"{server.url}/picture/{n}", meta={"download_timeout": PATIENCE / 2}) for n in range(PICTURES)]
        run = probe(CURL, asks, {"CONCURRENT_REQUESTS_PER_DOMAIN": 8, "RETRY_ENABLED": False})
    finally:
        server.shutdown()
        server.server_close()
    assert [answer.text or answer.error for answer in run.answers] == ["picture"] * PICTURES
    assert len(server.requests) == PICTURES

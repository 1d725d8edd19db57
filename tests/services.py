"""Services of the machine that tests talk to for real: where they are, and how a test cleans up behind itself."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

from tests.conftest import missing


class Services:
    """URLs of services, from the environment or at their default local ports; without one a test is skipped."""

    def postgresql(self) -> str:
        """POSTGRES_URL, else the database `test` of the local server."""
        return _reachable(os.environ.get("POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/test"), "PostgreSQL")

    def redis(self) -> str:
        """REDIS_URL, else the local server."""
        return _reachable(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), "Redis")

    def nats(self) -> str:
        """NATS_URL, else the local server."""
        return _reachable(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), "NATS")

    def amqp(self) -> str:
        """AMQP_URL, else the local server."""
        return _reachable(os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672"), "RabbitMQ")

    def drop_schema(self, url: str, schema: str) -> None:
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def drop_keys(self, url: str, prefix: str) -> None:
        import redis

        client = redis.Redis.from_url(url)
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
        client.close()

    async def drop_nats(self, url: str, stream: str) -> None:
        import nats
        from nats.js.errors import NotFoundError

        connection = await nats.connect(url)
        try:
            await connection.jetstream().delete_stream(stream)
        except NotFoundError:
            pass
        finally:
            await connection.close()

    async def drop_amqp(self, url: str, name: str, *groups: str) -> None:
        import aio_pika

        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.exchange_delete(f"rtfs.{name}")
            for queue in (name, *(f"{name}.{group}" for group in groups)):
                await channel.queue_delete(queue)


def _reachable(url: str, name: str) -> str:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=2):
            return url
    except OSError as error:
        missing(f"needs {name} at {parts.hostname}:{parts.port}: {error}")
        raise

"""The images: small, locked down, and the same services."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from testcontainers.core.container import DockerContainer

from tests.support.docker_kafka import DockerKafka
from tests.support.topics import make_topic, read_all
from tests.support.waiting import eventually
from verification.project import ROOT

pytestmark = pytest.mark.promise("deployed")

# One worker, whose readiness is that of the service, and a deadline within the client's.
ALONE = {"INGEST_WORKERS": "1", "INGEST_PUBLISH_TIMEOUT_MS": "4000"}
BID = (ROOT / "samples" / "two-imps.json").read_bytes()


def shell(image: str, command: str) -> str:
    """Return what a shell command prints inside the image."""
    arguments = ["docker", "run", "--rm", "--entrypoint", "sh", image, "-c", command]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def locked_down(image: str, kafka: DockerKafka, *ports: int, **environ: str) -> Iterator[Any]:
    """Run a service the way Kubernetes does: read-only, no capabilities, no new privileges."""
    container = (
        DockerContainer(image)
        .with_network(kafka.network)
        .with_exposed_ports(*ports)
        .with_envs(KAFKA_BROKERS=kafka.bootstrap_servers_inside, **environ)
        .with_kwargs(read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"])
    )
    with container:
        yield container


def request(
    container: Any,  # noqa: ANN401  docker ships no types
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
) -> tuple[int, bytes]:
    """Return status and body, or 0 where nobody answers."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(container.get_exposed_port(port)), timeout=5
    )
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def stop(container: Any) -> int:  # noqa: ANN401  docker ships no types
    """Send SIGTERM and return the exit code."""
    wrapped = container.get_wrapped_container()
    wrapped.stop(timeout=30)
    code: int = wrapped.wait()["StatusCode"]
    return code


def json_lines(container: Any) -> list[dict[str, Any]]:  # noqa: ANN401  docker ships no types
    """Return what was written on standard output: one JSON object a line, or this fails."""
    out, _ = container.get_logs()
    return [json.loads(line) for line in out.splitlines()]


class TestContent:
    """What is in an image, and what is not."""

    def test_the_user_is_a_number_and_not_root(
        self, docker_client: docker.DockerClient, image: str
    ) -> None:
        """Kubernetes can see by itself that the user is not root."""
        assert docker_client.images.get(image).attrs["Config"]["User"] == "10001:10001"
        assert shell(image, "id -u; id -g").split() == ["10001", "10001"]

    def test_the_service_gets_the_signals(
        self, docker_client: docker.DockerClient, image: str
    ) -> None:
        """The entry point is in exec form: no shell stands between SIGTERM and the service."""
        assert docker_client.images.get(image).attrs["Config"]["Entrypoint"][0] == "python"

    @pytest.mark.parametrize("tool", ["pip", "pip3", "gcc", "cc", "make", "git"])
    def test_nothing_can_be_built_or_installed(self, image: str, tool: str) -> None:
        """No compiler and no installer is left."""
        assert shell(image, f"command -v {tool} || echo none") == "none"

    def test_no_tests_and_no_other_service(self, image: str) -> None:
        """The image holds one service and what it needs."""
        assert len(shell(image, "ls /srv/*/__init__.py").split()) == 2
        assert shell(image, "find /srv /site-packages -name tests -o -name testing") == ""

    def test_python_finds_its_bytecode(self, image: str) -> None:
        """Every module is compiled: a read-only container does not compile at each start."""
        count = "find {} -name '*.{}' | wc -l"
        sources = shell(image, count.format("/srv", "py"))
        assert shell(image, count.format("/srv", "pyc")) == sources != "0"

    def test_the_labels_say_what_it_is(
        self, docker_client: docker.DockerClient, image: str
    ) -> None:
        """Title, description and licence follow the OCI names."""
        labels = docker_client.images.get(image).attrs["Config"]["Labels"]
        assert {f"org.opencontainers.image.{n}" for n in ("title", "description", "licenses")} <= (
            labels.keys()
        )

    def test_a_wrong_setting_is_exit_code_2(self, image: str) -> None:
        """The image refuses what the service refuses, in one line."""
        refused = subprocess.run(
            ["docker", "run", "--rm", "--read-only", "-e", "KAFKA_BROKER=typo:9092", image],
            check=False,
            capture_output=True,
            text=True,
        )
        assert refused.returncode == 2
        assert refused.stderr.startswith("KAFKA_BROKER: unknown setting")


class TestRunning:
    """The services in their images, against a broker in its own."""

    def test_a_bid_request_goes_from_one_image_to_the_other(
        self, broker: DockerKafka, ingest_image: str, consumer_image: str
    ) -> None:
        """Posted to one container, decided by the other; both stop in order with exit code 0."""
        topics = {
            f"KAFKA_TOPIC_{name}": make_topic(broker.bootstrap_servers, name.lower())
            for name in ("BID_REQUESTS", "BID_DECISIONS", "DEAD_LETTERS")
        }
        with (
            locked_down(ingest_image, broker, 8080, 8082, **topics, **ALONE) as ingest,
            locked_down(consumer_image, broker, 8081, **topics) as consumer,
        ):
            for container, port in ((ingest, 8080), (consumer, 8081)):
                eventually(
                    lambda c=container, p=port: request(c, p, "GET", "/readyz")[0] == 200,  # type: ignore[misc]
                    f"port {port} to be ready",
                    timeout_s=30,
                )
            status, answer = request(ingest, 8080, "POST", "/bid", BID)
            assert status == 202, answer
            _, document = request(ingest, 8082, "GET", "/openapi.json")
            content = json.loads(document)["paths"]["/bid"]["post"]["requestBody"]["content"]
            assert {"value": json.loads(BID)} in content["application/json"]["examples"].values()
            assert request(ingest, 8082, "GET", "/docs/swagger-ui/swagger-ui.css")[0] == 200
            (record,) = read_all(broker.bootstrap_servers, topics["KAFKA_TOPIC_BID_REQUESTS"])
            assert record.value == BID
            (decision,) = eventually(
                lambda: read_all(broker.bootstrap_servers, topics["KAFKA_TOPIC_BID_DECISIONS"]),
                "the decision",
            )
            assert decision.key == record.key
            assert (stop(ingest), stop(consumer)) == (0, 0)
            assert "bid accepted" in {line["event"] for line in json_lines(ingest)}
            assert "bid decided" in {line["event"] for line in json_lines(consumer)}

"""Both images, built, next to a broker in a container."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest

from tests.support.docker_kafka import DockerKafka
from verification.project import ROOT


@pytest.fixture(scope="session")
def docker_client(docker_engine: None) -> Iterator[docker.DockerClient]:  # noqa: ARG001  needed
    """Return a client of the Docker engine."""
    client = docker.from_env()
    yield client
    client.close()


def build(client: docker.DockerClient, name: str) -> str:
    """Build Dockerfile.<name> from the repository and return the image's id."""
    image, _ = client.images.build(
        path=str(ROOT), dockerfile=f"Dockerfile.{name}", tag=f"rtb/{name}:test", rm=True
    )
    identity: str = image.id
    return identity


@pytest.fixture(scope="session")
def ingest_image(docker_client: docker.DockerClient) -> str:
    """Build the ingest's image."""
    return build(docker_client, "ingest")


@pytest.fixture(scope="session")
def consumer_image(docker_client: docker.DockerClient) -> str:
    """Build the bidding logic's image."""
    return build(docker_client, "consumer")


@pytest.fixture(params=["ingest", "consumer"])
def image(docker_engine: None, request: pytest.FixtureRequest) -> str:  # noqa: ARG001  needed
    """Return one image after the other."""
    identity: str = request.getfixturevalue(f"{request.param}_image")
    return identity


@pytest.fixture(scope="session")
def broker(docker_engine: None) -> Iterator[DockerKafka]:  # noqa: ARG001  needed
    """Run a broker on a network of its own."""
    with DockerKafka() as kafka:
        yield kafka

"""Settings of Kafka's security that cannot work: refused before anything connects."""

from __future__ import annotations

import pytest

from common.kafka import KafkaSettings
from common.settings import SettingsError, load
from tests.support.certificates import Authority, encrypt

pytestmark = [pytest.mark.promise("configured"), pytest.mark.promise("secured")]

SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": "s3cret",
}
LOGIN = [*SASL][1:]


def accepted(environ: dict[str, str]) -> KafkaSettings:
    """Return the settings of an environment that can work."""
    return load(KafkaSettings, environ, ("KAFKA_",))


def refused(environ: dict[str, str]) -> str:
    """Return the one line that an environment is refused with."""
    with pytest.raises(SettingsError) as error:
        accepted(environ)
    assert "\n" not in str(error.value)
    assert "s3cret" not in str(error.value)
    return str(error.value)


def test_a_whole_login_is_accepted() -> None:
    """Mechanism, user name and password reach the client."""
    options = accepted(SASL).client_options()
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("PLAIN", "me")


@pytest.mark.parametrize("name", LOGIN)
def test_a_login_that_lacks_a_part_is_refused(name: str) -> None:
    """Its name is said, and the protocol that asks for it."""
    why = "is required with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT"
    assert refused({**SASL, name: ""}) == f"{name}: {why}"


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
@pytest.mark.parametrize("name", LOGIN)
def test_a_login_that_would_not_happen_is_refused(protocol: str, name: str) -> None:
    """Whoever gives a password does not mean to connect as anybody."""
    said = refused({"KAFKA_SECURITY_PROTOCOL": protocol, name: SASL[name]})
    assert said == f"{name}: is given, but KAFKA_SECURITY_PROTOCOL={protocol} never logs in"


@pytest.fixture(scope="module")
def files(
    openssl: None,  # noqa: ARG001  needed
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """Write certificates and keys, good and bad, by name."""
    folder = tmp_path_factory.mktemp("pki")
    authority = Authority(folder)
    client, other = authority.sign("client"), authority.sign("other")
    (folder / "text").write_text("no PEM")
    (folder / "both").write_bytes(client.certificate.read_bytes() + client.key.read_bytes())
    (folder / "hollow").write_text("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n")
    return {
        "ca": str(authority.certificate),
        "cert": str(client.certificate),
        "key": str(client.key),
        "locked": str(encrypt(client.key, "hush")),
        "other": str(other.key),
        "folder": str(folder),
        **{name: str(folder / name) for name in ("absent", "text", "both", "hollow")},
    }


def tls(files: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return TLS settings; a value that names no file stands for itself."""
    settings = {f"KAFKA_SSL_{name}": files.get(value, value) for name, value in given.items()}
    return {"KAFKA_SECURITY_PROTOCOL": "SSL", **settings}


@pytest.mark.parametrize(
    "given",
    [
        {"CAFILE": "ca"},
        {"CERTFILE": "cert", "KEYFILE": "key"},
        {"CERTFILE": "both"},
        {"CERTFILE": "cert", "KEYFILE": "locked", "PASSWORD": "hush"},
    ],
)
def test_files_that_can_be_used_are_accepted(files: dict[str, str], given: dict[str, str]) -> None:
    """An authority, a certificate with its key beside it or in it, a key with its password."""
    accepted(tls(files, given))


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({"CAFILE": "absent"}, "CAFILE", "cannot be read: No such file"),
        ({"CAFILE": "folder"}, "CAFILE", "cannot be read: Is a directory"),
        ({"CAFILE": "text"}, "CAFILE", "no PEM certificate is in it"),
        ({"CAFILE": "key"}, "CAFILE", "no PEM certificate is in it"),
        ({"CERTFILE": "absent"}, "CERTFILE", "cannot be read"),
        ({"CERTFILE": "key", "KEYFILE": "key"}, "CERTFILE", "no PEM certificate is in it"),
        ({"CERTFILE": "cert"}, "KEYFILE", "is required with KAFKA_SSL_CERTFILE"),
        ({"KEYFILE": "key"}, "KEYFILE", "is given without KAFKA_SSL_CERTFILE"),
        ({"PASSWORD": "hush"}, "PASSWORD", "is given without KAFKA_SSL_CERTFILE"),
        ({"CERTFILE": "cert", "KEYFILE": "absent"}, "KEYFILE", "cannot be read"),
        ({"CERTFILE": "cert", "KEYFILE": "text"}, "KEYFILE", "no PEM key is in it"),
        ({"CERTFILE": "cert", "KEYFILE": "hollow"}, "KEYFILE", "is no PEM key that"),
        ({"CERTFILE": "cert", "KEYFILE": "other"}, "KEYFILE", "is not the key of"),
        ({"CERTFILE": "cert", "KEYFILE": "locked"}, "PASSWORD", "is required"),
        (
            {"CERTFILE": "cert", "KEYFILE": "locked", "PASSWORD": "s3cret"},
            "PASSWORD",
            "does not open",
        ),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    files: dict[str, str], given: dict[str, str], name: str, why: str
) -> None:
    """What TLS reads is read once at the start: the variable is named, and what is wrong."""
    said = refused(tls(files, given))
    assert said.startswith(f"KAFKA_SSL_{name}")
    assert why in said


@pytest.mark.parametrize("name", ["CAFILE", "CERTFILE", "KEYFILE", "PASSWORD"])
def test_files_of_a_protocol_without_tls_are_refused(name: str) -> None:
    """Whoever names them does not mean to send bids in the clear."""
    why = "is given, but KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT never encrypts"
    assert refused({**SASL, f"KAFKA_SSL_{name}": "ca.pem"}) == f"KAFKA_SSL_{name}: {why}"

"""Settings of Kafka's security that cannot work: refused before anything connects."""

from __future__ import annotations

import pytest

from common.kafka import KafkaSettings
from common.settings import SettingsError, load
from tests.support.certificates import Authority, encrypt

SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": "s3cret",
}


def refused(environ: dict[str, str]) -> str:
    """Return the one line that an environment is refused with."""
    with pytest.raises(SettingsError) as error:
        load(KafkaSettings, environ, ("KAFKA_",))
    assert "\n" not in str(error.value)
    assert "s3cret" not in str(error.value)
    return str(error.value)


def accepted(environ: dict[str, str]) -> KafkaSettings:
    """Return the settings of an environment that can work."""
    return load(KafkaSettings, environ, ("KAFKA_",))


class TestLogin:
    """A user name and a password go with the protocols that ask for them."""

    def test_a_whole_login_is_accepted(self) -> None:
        """Mechanism, user name and password reach the client."""
        options = accepted(SASL).client_options()
        assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("PLAIN", "me")

    @pytest.mark.parametrize("name", [*SASL][1:])
    def test_a_login_that_lacks_a_part_is_refused(self, name: str) -> None:
        """Its name is said, and the protocol that asks for it."""
        lacking = {**SASL, name: ""}
        assert (
            refused(lacking) == f"{name}: is required with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT"
        )

    @pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
    @pytest.mark.parametrize("name", [*SASL][1:])
    def test_a_login_that_would_not_happen_is_refused(self, protocol: str, name: str) -> None:
        """Whoever gives a password does not mean to connect as anybody."""
        given = {"KAFKA_SECURITY_PROTOCOL": protocol, name: SASL[name]}
        assert refused(given).startswith(
            f"{name}: is given, but KAFKA_SECURITY_PROTOCOL={protocol} never logs in"
        )


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
        "certificate": str(client.certificate),
        "key": str(client.key),
        "locked": str(encrypt(client.key, "hush")),
        "other": str(other.key),
        "absent": str(folder / "absent"),
        "folder": str(folder),
        **{name: str(folder / name) for name in ("text", "both", "hollow")},
    }


class TestFiles:
    """What TLS reads is read once at the start."""

    @pytest.mark.parametrize(
        "given",
        [
            {"CAFILE": "ca"},
            {"CERTFILE": "certificate", "KEYFILE": "key"},
            {"CERTFILE": "both"},
            {"CERTFILE": "certificate", "KEYFILE": "locked", "PASSWORD": "hush"},
        ],
    )
    def test_files_that_can_be_used_are_accepted(
        self, files: dict[str, str], given: dict[str, str]
    ) -> None:
        """An authority, a certificate with its key beside it or in it, a key with its password."""
        accepted(environ(files, given))

    @pytest.mark.parametrize(
        ("given", "name", "why"),
        [
            ({"CAFILE": "absent"}, "CAFILE", "cannot be read: No such file"),
            ({"CAFILE": "folder"}, "CAFILE", "cannot be read: Is a directory"),
            ({"CAFILE": "text"}, "CAFILE", "no PEM certificate is in it"),
            ({"CAFILE": "key"}, "CAFILE", "no PEM certificate is in it"),
            ({"CERTFILE": "absent"}, "CERTFILE", "cannot be read"),
            ({"CERTFILE": "key", "KEYFILE": "key"}, "CERTFILE", "no PEM certificate is in it"),
            ({"CERTFILE": "certificate"}, "KEYFILE", "is required with KAFKA_SSL_CERTFILE"),
            ({"KEYFILE": "key"}, "KEYFILE", "is given without KAFKA_SSL_CERTFILE"),
            ({"PASSWORD": "hush"}, "PASSWORD", "is given without KAFKA_SSL_CERTFILE"),
            ({"CERTFILE": "certificate", "KEYFILE": "absent"}, "KEYFILE", "cannot be read"),
            ({"CERTFILE": "certificate", "KEYFILE": "text"}, "KEYFILE", "no PEM key is in it"),
            ({"CERTFILE": "certificate", "KEYFILE": "hollow"}, "KEYFILE", "is no PEM key that"),
            ({"CERTFILE": "certificate", "KEYFILE": "other"}, "KEYFILE", "is not the key of"),
            ({"CERTFILE": "certificate", "KEYFILE": "locked"}, "PASSWORD", "is required"),
            (
                {"CERTFILE": "certificate", "KEYFILE": "locked", "PASSWORD": "s3cret"},
                "PASSWORD",
                "does not open",
            ),
        ],
    )
    def test_files_that_cannot_be_used_are_refused(
        self, files: dict[str, str], given: dict[str, str], name: str, why: str
    ) -> None:
        """The variable is named, and what is wrong with it."""
        said = refused(environ(files, given))
        assert said.startswith(f"KAFKA_SSL_{name}")
        assert why in said

    @pytest.mark.parametrize("name", ["CAFILE", "CERTFILE", "KEYFILE", "PASSWORD"])
    def test_files_of_a_protocol_without_tls_are_refused(
        self, files: dict[str, str], name: str
    ) -> None:
        """Whoever names them does not mean to send bids in the clear."""
        said = refused({**SASL, f"KAFKA_SSL_{name}": files["ca"]})
        why = "is given, but KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT never encrypts"
        assert said == f"KAFKA_SSL_{name}: {why}"


def environ(files: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return TLS settings; a value that names no file stands for itself."""
    settings = {f"KAFKA_SSL_{name}": files.get(value, value) for name, value in given.items()}
    return {"KAFKA_SECURITY_PROTOCOL": "SSL", **settings}

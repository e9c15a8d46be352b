"""A broker that asks for certificates, logins and rights, each on a listener of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType

from tests.support.certificates import Authority
from verification.kafka.broker import EmbeddedKafka
from verification.kafka.properties import HOST
from verification.run.ports import free_port

USER, PASSWORD = "bidder", "s3cret"
AUTHORIZER = {  # asks for rights where somebody has set any
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
_PROTOCOLS = {
    "BROKER": "PLAINTEXT",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "MISNAMED": "SSL",
    "LOGIN": "SASL_PLAINTEXT",
    "FAR": "PLAINTEXT",
}
_LOGIN = "org.apache.kafka.common.security"


@contextmanager
def denied(brokers: str, pattern: Any, operation: ACLOperation) -> Iterator[None]:  # noqa: ANN401  no types
    """Let everybody do everything with a resource but one thing."""
    rights = [
        ACL("User:*", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern),
        ACL("User:*", "*", operation, ACLPermissionType.DENY, pattern),
    ]
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        assert not admin.create_acls(rights)["failed"]
        yield
        admin.delete_acls(rights)


@dataclass(frozen=True)
class SecuredKafka:
    """Where each listener is, and what opens it; certificates lie in the folder by their names.

    BROKER takes everybody, MUTUAL asks for a client certificate, MISNAMED has the certificate of
    another host, LOGIN asks for a password, and FAR is answered but advertises an address where
    nobody is.
    """

    ports: Mapping[str, int]
    authority: Authority
    folder: Path
    nobody: int

    @classmethod
    def prepare(cls, folder: Path) -> SecuredKafka:
        """Make the certificates, one of an authority that nobody trusts, and choose the ports."""
        authority = Authority(folder)
        authority.sign("client")
        Authority(folder, "stranger")
        return cls({name: free_port() for name in _PROTOCOLS}, authority, folder, free_port())

    def at(self, listener: str) -> str:
        """Return the address of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def broker(self) -> EmbeddedKafka:
        """Return the broker; it also asks for rights where somebody has set any."""
        return EmbeddedKafka(
            self.folder / "kafka", port=self.ports["BROKER"], settings=self._settings()
        )

    def _settings(self) -> dict[str, str]:
        places = {name: f"{name}://{self.at(name)}" for name in _PROTOCOLS}
        protocols = {**_PROTOCOLS, "CONTROLLER": "PLAINTEXT"}
        advertised = {**places, "FAR": f"FAR://{HOST}:{self.nobody}"}
        return {
            "listeners": ",".join(place for name, place in places.items() if name != "BROKER"),
            "advertised.listeners": ",".join(advertised.values()),
            "listener.security.protocol.map": ",".join(map(":".join, protocols.items())),
            **AUTHORIZER,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._keystore("broker"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.certificate),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.misnamed.ssl.keystore.type": "PEM",
            "listener.name.misnamed.ssl.keystore.location": self._keystore("other", "192.0.2.1"),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.login.plain.sasl.jaas.config": (
                f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            "listener.name.login.scram-sha-512.sasl.jaas.config": (
                f"{_LOGIN}.scram.ScramLoginModule required;"
            ),
        }

    def _keystore(self, name: str, host: str = HOST) -> str:
        pair = self.authority.sign(name, host)
        store = self.folder / f"{name}.pem"
        store.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
        return str(store)

"""Java's old key stores, JKS: read without Java.

`certificates` calls it.  The layout and the protection of keys are those of Sun's KeyStore: numbers
are big-endian, texts have two bytes of length, a key is masked by a chain of SHA-1.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

__all__ = ["Store", "read_jks"]

_PRIVATE_KEY, _CERTIFICATE = 1, 2
_WHITENER = b"Mighty Aphrodite"  # what Sun's integrity check begins with
_SHA1 = 20


@dataclass(frozen=True, slots=True)
class Store:
    """Contents as DER: the certificates that are trusted, and the chain of the first private key
    with the key itself (PKCS8)."""

    certificates: tuple[bytes, ...]
    chain: tuple[bytes, ...]
    key: bytes | None


class _Bytes:
    """Reads one field after the other; ValueError where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise ValueError("the file is cut off")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, count: int = 4) -> int:
        return int.from_bytes(self.take(count), "big")

    def text(self) -> str:
        return self.take(self.number(2)).decode("utf-8", "replace")

    def block(self) -> bytes:
        return self.take(self.number())

    def der(self, tag: int) -> _Bytes:
        """The contents of the DER value that begins here."""
        if self.number(1) != tag:
            raise ValueError("a private key in it is not written as expected")
        length = self.number(1)
        if length & 0x80:
            length = self.number(length & 0x7F)
        return _Bytes(self.take(length))


def read_jks(data: bytes, password: str, key_password: str | None) -> Store:
    """The store's contents; the check of its bytes needs the password, and is left out without one.
    Without a password for keys, none is read.

    Raises ValueError, with what is wrong.
    """
    secret = password.encode("utf-16-be")
    body, check = data[:-_SHA1], data[-_SHA1:]
    if password and not hmac.compare_digest(
        hashlib.sha1(secret + _WHITENER + body).digest(), check
    ):
        raise ValueError("its password is another, or the file was changed")
    fields = _Bytes(body)
    _, version, count = (fields.number() for _ in range(3))
    if version not in (1, 2):
        raise ValueError(f"it is of version {version}")
    trusted: list[bytes] = []
    chain: tuple[bytes, ...] = ()
    key: bytes | None = None
    for _ in range(count):
        kind = fields.number()
        fields.text()  # its name in the store
        fields.take(8)  # when it was made
        if kind == _CERTIFICATE:
            trusted.append(_certificate(fields, version))
        elif kind == _PRIVATE_KEY:
            masked = fields.block()
            certificates = tuple(_certificate(fields, version) for _ in range(fields.number()))
            if key is None and key_password is not None:
                chain, key = certificates, _unmasked(masked, key_password.encode("utf-16-be"))
        else:
            raise ValueError("it holds what is neither a certificate nor a private key")
    return Store(tuple(trusted), chain, key)


def _certificate(fields: _Bytes, version: int) -> bytes:
    if version == 2:
        fields.text()  # its type, X.509
    return fields.block()


def _unmasked(info: bytes, secret: bytes) -> bytes:
    """The key in an EncryptedPrivateKeyInfo of Sun's: salt, masked bytes, and a digest of both."""
    outer = _Bytes(info).der(0x30)
    outer.der(0x30)  # the algorithm
    octets = outer.der(0x04)
    salt = octets.take(_SHA1)
    rest = octets.take(len(octets._data) - _SHA1)
    masked, check = rest[:-_SHA1], rest[-_SHA1:]
    mask, digest = b"", salt
    while len(mask) < len(masked):
        digest = hashlib.sha1(secret + digest).digest()
        mask += digest
    key = bytes(a ^ b for a, b in zip(masked, mask, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + key).digest(), check):
        raise ValueError("the private key's password is another (ssl.key.password)")
    return key

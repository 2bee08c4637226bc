"""TLS by the ssl.* properties: files of PEM, PEM itself, and Java's key stores (PKCS12 and JKS).

The connection to brokers, librdkafka's settings and the schema registry use it.  A store is told by
its bytes, not by a name or a type that is set.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kshell.errors import UsageError

if TYPE_CHECKING:
    from kshell.config.jks import Store

__all__ = ["read_store", "tls_context", "without_stores"]

_CA, _CERTIFICATE, _KEY = "ssl.ca", "ssl.certificate", "ssl.key"
_NAMES = tuple(f"{what}.{how}" for what in (_CA, _CERTIFICATE, _KEY) for how in ("location", "pem"))
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_JKS, _JCEKS = b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"
_PASSWORDS = (
    "ssl.truststore.password and ssl.keystore.password are the stores' passwords, ssl.key.password"
    " the key's"
)
_DER = b"\x30"  # how a PKCS12 store begins, and a bare certificate too


def without_stores(properties: Mapping[str, str], lead: str = "") -> dict[str, str]:
    """The ssl.* properties without their `lead`, with PEM in the place of each store.

    A file that cannot be read stays as it is named.  Raises UsageError for a store that cannot be
    opened.
    """
    given = {
        n: properties[lead + n] for n in (*_NAMES, "ssl.key.password") if lead + n in properties
    }
    for what in (_CA, _CERTIFICATE, _KEY):
        if f"{what}.pem" in given:
            given[f"{what}.pem"] = _in_lines(given[f"{what}.pem"])
    trusted = _store(given.get(f"{_CA}.location"), properties, lead, "truststore")
    if trusted is not None:
        del given[f"{_CA}.location"]
        given[f"{_CA}.pem"] = "".join(_pem("CERTIFICATE", der) for der in trusted.certificates)
    location = given.get(f"{_CERTIFICATE}.location")
    ours = _store(location, properties, lead, "keystore")
    if ours is not None:
        if ours.key is None:
            raise UsageError(
                f"{location} has no private key", hint=f"keytool -list -keystore {location}"
            )
        for name in (f"{_CERTIFICATE}.location", f"{_KEY}.location", "ssl.key.password"):
            given.pop(name, None)
        given[f"{_CERTIFICATE}.pem"] = "".join(_pem("CERTIFICATE", der) for der in ours.chain)
        given[f"{_KEY}.pem"] = _pem("PRIVATE KEY", ours.key)
    elif location and not {f"{_KEY}.location", f"{_KEY}.pem"} & set(given):
        given[f"{_KEY}.location"] = location  # one file has both
    return given


def tls_context(properties: Mapping[str, str], lead: str = "") -> ssl.SSLContext:
    """A context that trusts and shows what is set; raises UsageError."""
    given = without_stores(properties, lead)
    for name in (n for n in given if n.endswith(".location")):
        if not Path(given[name]).expanduser().is_file():
            raise UsageError(
                f"{lead}{name}: there is no file {given[name]}",
                hint="kshell config show says where it was set",
            )
    for what, block in ((_CA, "CERTIFICATE"), (_CERTIFICATE, "CERTIFICATE"), (_KEY, "PRIVATE KEY")):
        _check_pem(given, what, block)
    with _refused(given, lead, _CA, f"{lead}ssl.ca.location is a file of PEM, PKCS12 or JKS"):
        context = ssl.create_default_context(
            cafile=given.get(f"{_CA}.location"), cadata=given.get(f"{_CA}.pem")
        )
    certificate, key = given.get(f"{_CERTIFICATE}.location"), given.get(f"{_KEY}.location")
    texts = given.get(f"{_CERTIFICATE}.pem"), given.get(f"{_KEY}.pem")
    # A password is always handed in: without one OpenSSL would ask at the terminal.
    password = given.get("ssl.key.password", "")
    hint = f"check {lead}ssl.key.location and {lead}ssl.key.password"
    if certificate or texts[0]:
        with (
            _refused(given, lead, _CERTIFICATE, hint),
            _file_of(texts[0]) as first,
            _file_of(texts[1]) as second,
        ):
            context.load_cert_chain(first or certificate or "", second or key, password)
    return context


def _text_of(given: Mapping[str, str], what: str) -> str:
    if f"{what}.pem" in given:
        return given[f"{what}.pem"]
    location = given.get(f"{what}.location")
    try:
        return Path(location).expanduser().read_text("latin-1") if location else ""
    except OSError:
        return ""


def _check_pem(given: Mapping[str, str], what: str, block: str) -> None:
    """Raise UsageError if a file has no such block: OpenSSL does not say which file it means."""
    location = given.get(f"{what}.location")
    text = _text_of(given, what)
    if location and text and not re.search(f"-----BEGIN [A-Z0-9 ]*{block}-----", text):
        raise UsageError(
            f"{location} holds no {block.lower()} in PEM",
            hint=f"a file of PEM has a line -----BEGIN {block}-----",
        )


@contextlib.contextmanager
def _refused(given: Mapping[str, str], lead: str, what: str, hint: str) -> Iterator[None]:
    """OpenSSL's refusal as an error that names the file, or the property that holds the PEM."""
    try:
        yield
    except OSError as error:  # SSLError is one
        place = given.get(f"{what}.location", f"{lead}{what}.pem")
        key = ", or its key," if what == _CERTIFICATE else ""
        reason = getattr(error, "reason", "") or error.strerror or "no PEM"
        if what == _CERTIFICATE:
            held = given.get(f"{_KEY}.location", f"{lead}{_KEY}.pem")
            if reason == "KEY_VALUES_MISMATCH":
                said = f"{held} is the key of another certificate than {place}"
                raise UsageError(said, hint=hint) from None
            if "ENCRYPTED" in _text_of(given, _KEY):
                said = f"{held}: the pass phrase of its key is another ({lead}ssl.key.password)"
                if not given.get("ssl.key.password"):
                    said = f"{held} is encrypted, and {lead}ssl.key.password is not set"
                raise UsageError(said, hint=hint) from None
        raise UsageError(f"{place}{key} cannot be used: {reason}", hint=hint) from None


def read_store(path: Path, data: bytes, password: str, key_password: str | None) -> Store:
    """The contents of a store; raises UsageError, with the command that converts what it is not."""
    into = f"{path.with_suffix('.p12')}"
    convert = (
        f"keytool -importkeystore -srckeystore {path} -destkeystore {into} -deststoretype PKCS12"
    )
    if data[:4] == _JKS:
        from kshell.config.jks import read_jks

        try:
            return read_jks(data, password, key_password)
        except ValueError as error:
            hint = _PASSWORDS if "password" in str(error) else convert
            raise UsageError(f"{path} cannot be opened: {error}", hint=hint) from None
    if data[:4] == _JCEKS:
        raise UsageError(f"{path} is a JCEKS store, which kshell does not read", hint=convert)
    if data[:1] != _DER:
        raise UsageError(f"{path} is neither PEM nor a store of PKCS12 or JKS", hint=convert)
    return _read_pkcs12(path, data, password)


def _read_pkcs12(path: Path, data: bytes, password: str) -> Store:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
    from cryptography.x509 import load_der_x509_certificate

    from kshell.config.jks import Store

    try:
        read = load_pkcs12(data, password.encode() or None)
    except UnsupportedAlgorithm as error:
        raise UsageError(
            f"{path} cannot be opened: {error}",
            hint=f"openssl pkcs12 -legacy -in {path} -out {path.stem}.pem",
        ) from None
    except ValueError:
        with contextlib.suppress(ValueError):
            load_der_x509_certificate(data)
            raise UsageError(
                f"{path} is a bare certificate (DER), which kshell does not read",
                hint=f"openssl x509 -inform der -in {path} -out {path.with_suffix('.pem')}",
            ) from None
        why = "its password is another" if password else "its password is not set"
        raise UsageError(
            f"{path} cannot be opened: {why}, or it is no PKCS12 store", hint=_PASSWORDS
        ) from None
    key = None
    if read.key is not None:
        key = read.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    own = [read.cert.certificate] if read.cert is not None else []
    others = [c.certificate for c in read.additional_certs]
    ders = tuple(c.public_bytes(Encoding.DER) for c in (*own, *others))
    return Store(ders, ders if key is not None else (), key)


def _store(
    location: str | None, properties: Mapping[str, str], lead: str, which: str
) -> Store | None:
    """What the file holds if it is a store; None if it is PEM or cannot be read."""
    if location is None:
        return None
    path = Path(location).expanduser()
    try:
        data = path.read_bytes()
    except OSError:
        return None  # who connects says that it is not there
    if b"-----BEGIN " in data:
        return None
    password = properties.get(f"{lead}ssl.{which}.password", "")
    key_password = properties.get(f"{lead}ssl.key.password") or password
    return read_store(path, data, password, key_password if which == "keystore" else None)


def _pem(kind: str, der: bytes) -> str:
    return _block(kind, base64.b64encode(der).decode())


def _block(kind: str, text: str) -> str:
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


def _in_lines(text: str) -> str:
    """PEM that was written in one line, with its line breaks; headers inside a block are kept.

    >>> _in_lines("-----BEGIN X----- QUI= -----END X-----")
    '-----BEGIN X-----\\nQUI=\\n-----END X-----\\n'
    """
    text = text.replace("\\n", "\n")
    blocks = _BLOCK.findall(text)
    if not blocks or any(":" in inner for _, inner in blocks):
        return text
    return "".join(_block(kind, "".join(inner.split())) for kind, inner in blocks)


@contextlib.contextmanager
def _file_of(text: str | None) -> Iterator[str | None]:
    """A file with the text, for OpenSSL, which reads certificates from files alone; only the owner
    can read it, and in Linux it has no name on any disk."""
    if text is None:
        yield None
    elif hasattr(os, "memfd_create"):
        number = os.memfd_create("kshell-tls")
        try:
            os.write(number, text.encode())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
    else:
        import tempfile

        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            yield file.name

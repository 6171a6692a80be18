"""Hashes and ciphers."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import hashlib
import hmac

import bcrypt
from cryptography.fernet import Fernet

from verdict_set.cases import case

BLOCK = b"0123456789abcdef" * 500_000
PASSWORD = b"correct horse battery staple"
SALT = bcrypt.gensalt(rounds=6)
FERNET = Fernet(Fernet.generate_key())


@case("a short text")
def sha256_small(text: str) -> str:
    """One short text: trivial."""
    return hashlib.sha256(text.encode()).hexdigest()


@case()
def sha256_large() -> str:
    """Eight megabytes; other threads run meanwhile."""
    return hashlib.sha256(BLOCK).hexdigest()


@case(5_000)
def sha256_many(count: int) -> str:
    """Thousands of short texts: too short to let other threads run."""
    digest = b""
    for number in range(count):
        digest = hashlib.sha256(digest + number.to_bytes(4, "big")).digest()
    return digest.hex()


@case(20_000)
def pbkdf2(rounds: int) -> str:
    """A key from a password."""
    return hashlib.pbkdf2_hmac("sha256", PASSWORD, b"salt", rounds).hex()


@case()
def hmac_signature() -> str:
    """The signature of a request: trivial."""
    return hmac.new(PASSWORD, b"GET /items?page=2", "sha256").hexdigest()


@case()
def bcrypt_check() -> bool:
    """A password check, made cheap."""
    return bool(bcrypt.hashpw(PASSWORD, SALT))


@case(60)
def fernet_messages(count: int) -> int:
    """Messages encrypted and decrypted, one by one."""
    return sum(len(FERNET.decrypt(FERNET.encrypt(b"m" * 500))) for _ in range(count))

"""Proof that what answers on a port is the engine: it knows the token, which nobody sends for it.

The client sends a nonce, the engine answers with an HMAC of it under the token. Process and port
are in it, so that an answer cannot be passed on from another port.

Source: HMAC, RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from .messages import EngineProof

PROOF_PATH = "/v1/proof"
NONCE_HEADER = "ScaleDiff-Nonce"
NONCE_PATTERN = "^[0-9a-f]{64}$"


def new_nonce() -> str:
    """Give a nonce that was never used before."""
    return secrets.token_hex(32)


def prove(token: str, nonce: str, pid: int, port: int) -> EngineProof:
    """Give the engine's answer to a nonce.

    Raises:
        ValueError: the nonce is none.
    """
    if re.match(NONCE_PATTERN, nonce) is None:
        raise ValueError("The nonce is not 64 hexadecimal digits.")
    text = f"scalediff-engine {nonce} {pid} {port}"
    return EngineProof(pid, hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest())


def is_proven(proof: EngineProof, token: str, nonce: str, port: int) -> bool:
    """Tell whether an answer to a nonce came from the engine that has this token and port."""
    expected = prove(token, nonce, proof.pid, port)
    return hmac.compare_digest(proof.hmac.encode(), expected.hmac.encode())

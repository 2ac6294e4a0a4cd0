"""What the pages that symarch writes have in common: one style, and the fingerprints of a content security policy."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files


def base_style() -> str:
    """Return the style that all pages begin with: colours of light and dark, text, tables, parts of charts."""
    return (files("symarch.report") / "base.css").read_text(encoding="utf-8")


def fingerprint(text: str) -> str:
    """Return what a content security policy names a script or style of the page by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

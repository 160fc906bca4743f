"""Conditional requests: whether a client that has some version of a file needs it again (RFC 9110, 13)."""

import re

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def has_tag(header: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` or `If-Match` header names a tag: weak and strong ones are compared alike.

    Args:
        header: its value, `*` or tags with commas between; None where the request has none.
        tag: of what would be sent, in quotes.
    """
    if header is None:
        return False
    return header.strip() == "*" or tag in _TAG.findall(header)

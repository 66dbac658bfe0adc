"""Differences of JSON trees: what a page needs to bring its copy up to date.

A patch holds only what is new or changed; objects are merged key by key, everything else is replaced. A key
that vanished is not in the patch: sections whose keys come and go are lists, or keyed rows that the page
prunes itself.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]


def patch_between(old: Tree, new: Tree) -> Tree:
    """The patch that turns `old` into `new`; {} when nothing changed."""
    patch: Tree = {}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
            continue
        before = old[key]
        if before is value or before == value:
            continue
        if isinstance(before, dict) and isinstance(value, dict):
            patch[key] = patch_between(before, value)
        else:
            patch[key] = value
    return patch


def patch_apply(tree: Tree, patch: Tree) -> Tree:
    """`tree` with the patch merged in; the same rule as the page's script, kept here for its test."""
    result = dict(tree)
    for key, value in patch.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = patch_apply(before, value)
        else:
            result[key] = value
    return result

"""What goes wrong with a cluster of this machine, in one sentence that says what to do."""

from __future__ import annotations


class DevFailed(Exception):
    """The cluster cannot do what was asked. The message is one sentence for the person who asked."""


class ToolMissing(DevFailed):
    """A program that the cluster is run by is neither here nor could be fetched."""

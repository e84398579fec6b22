"""Croupier: a highly available casino game engine."""

VERSION = "0.3.0"

"""Croupier: a highly available casino game engine."""

VERSION = "0.2.0"

"""Croupier: a highly available casino game engine."""

VERSION = "0.1.0"

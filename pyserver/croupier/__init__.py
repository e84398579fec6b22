"""Croupier: a highly available casino game engine."""

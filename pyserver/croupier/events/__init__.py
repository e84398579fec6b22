"""What happens after a commit: others are told."""

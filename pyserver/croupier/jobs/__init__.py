"""What runs beside the calls: one job a file."""
